using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;
using Shop.Contracts;

namespace Shop.Inventory;

/// <summary>
/// Sets goods aside when an order is paid, and puts them back when it is cancelled. These events come by two topics, so either
/// may be first, and both may be handled at the same moment.
/// </summary>
/// <remarks>
/// The reservation's row decides. If the cancel is first it leaves a row that says so, and the payment finds it. If both run at
/// once, the second INSERT of the row fails and rolls everything of its event back; the bus tries that event again, and then it
/// finds the first one's row.
/// </remarks>
public sealed class ReserveStock(InventoryDbContext db, IEventPublisher events) : IEventConsumer<PaymentSuccessEvent>, IEventConsumer<OrderCancelledEvent>
{
    public async Task ConsumeAsync(PaymentSuccessEvent @event, EventContext context, CancellationToken ct)
    {
        if (await db.Reservations.FindAsync([@event.OrderId], ct) is not null)
        {
            return; // Void: the order was cancelled, and Payments gives the money back.
        }

        // Guarded and in one statement: orders that compete for the last piece wait for each other here.
        var deducted = await db.Products
            .Where(p => p.Sku == @event.Sku && p.Stock >= @event.Quantity)
            .ExecuteUpdateAsync(set => set.SetProperty(p => p.Stock, p => p.Stock - @event.Quantity), ct) == 1;
        db.Reservations.Add(new Reservation
        {
            OrderId = @event.OrderId,
            State = deducted ? ReservationState.Deducted : ReservationState.OutOfStock,
            Sku = @event.Sku,
            Quantity = @event.Quantity,
            TraceId = context.Trace.TraceId.ToString(),
        });
        await events.PublishAsync<object>(
            deducted ? new InventoryDeductedEvent(@event.OrderId, @event.Sku, @event.Quantity) : new OutOfStockEvent(@event.OrderId, @event.Sku), ct);
    }

    public async Task ConsumeAsync(OrderCancelledEvent @event, EventContext context, CancellationToken ct)
    {
        switch (await db.Reservations.FindAsync([@event.OrderId], ct))
        {
            case { State: ReservationState.Deducted } reservation:
                reservation.State = ReservationState.Released;
                await db.Products
                    .Where(p => p.Sku == reservation.Sku)
                    .ExecuteUpdateAsync(set => set.SetProperty(p => p.Stock, p => p.Stock + reservation.Quantity), ct);
                await events.PublishAsync(new InventoryReleasedEvent(reservation.OrderId, reservation.Sku, reservation.Quantity), ct);
                break;

            case null:
                db.Reservations.Add(new Reservation { OrderId = @event.OrderId, State = ReservationState.Void, TraceId = context.Trace.TraceId.ToString() });
                break;
        }
    }
}
