using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;
using Shop.Contracts;

namespace Shop.Inventory;

/// <summary>
/// Sets goods aside when an order is paid, and puts them back when it is cancelled. These events come by two topics, so either
/// may be first, and both may be handled at the same moment. The reservation's row decides: if the cancel is first it leaves
/// a row that says so, and the payment finds it.
/// </summary>
public sealed class ReserveStock(InventoryDbContext db, IEventPublisher events) : IEventConsumer<PaymentSuccessEvent>, IEventConsumer<OrderCancelledEvent>
{
    public async Task ConsumeAsync(PaymentSuccessEvent @event, EventContext context, CancellationToken ct)
    {
        var reservation = await db.LockReservationAsync(@event.OrderId, ct);
        if (reservation.State != ReservationState.Open)
        {
            return; // Void: the order was cancelled, and Payments gives the money back.
        }

        // Guarded and in one statement: orders that compete for the last piece wait for each other here.
        var deducted = await db.Products
            .Where(p => p.Sku == @event.Sku && p.Stock >= @event.Quantity)
            .ExecuteUpdateAsync(set => set.SetProperty(p => p.Stock, p => p.Stock - @event.Quantity), ct) == 1;
        reservation.State = deducted ? ReservationState.Deducted : ReservationState.OutOfStock;
        reservation.Sku = @event.Sku;
        reservation.Quantity = @event.Quantity;
        reservation.TraceId = context.Trace.TraceId.ToString();
        await events.PublishAsync<object>(
            deducted ? new InventoryDeductedEvent(@event.OrderId, @event.Sku, @event.Quantity) : new OutOfStockEvent(@event.OrderId, @event.Sku), ct);
    }

    public async Task ConsumeAsync(OrderCancelledEvent @event, EventContext context, CancellationToken ct)
    {
        var reservation = await db.LockReservationAsync(@event.OrderId, ct);
        switch (reservation.State)
        {
            case ReservationState.Deducted:
                reservation.State = ReservationState.Released;
                await db.Products
                    .Where(p => p.Sku == reservation.Sku)
                    .ExecuteUpdateAsync(set => set.SetProperty(p => p.Stock, p => p.Stock + reservation.Quantity), ct);
                await events.PublishAsync(new InventoryReleasedEvent(reservation.OrderId, reservation.Sku, reservation.Quantity), ct);
                break;

            case ReservationState.Open:
                reservation.State = ReservationState.Void;
                reservation.TraceId = context.Trace.TraceId.ToString();
                break;
        }
    }
}
