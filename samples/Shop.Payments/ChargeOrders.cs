using Cuckoo.EventBus;
using Shop.Contracts;

namespace Shop.Payments;

/// <summary>
/// Charges an order when it is created, and gives the money back when it is cancelled. Both events have the order's key on one
/// topic, so they come one after the other and in order, and no two of one order at once.
/// </summary>
public sealed class ChargeOrders(PaymentsDbContext db, IEventPublisher events, TimeProvider time)
    : IEventConsumer<OrderCreatedEvent>, IEventConsumer<OrderCancelledEvent>
{
    /// <summary>Where the bank declines.</summary>
    public const decimal SpendingLimit = 1000m;

    public async Task ConsumeAsync(OrderCreatedEvent @event, EventContext context, CancellationToken ct)
    {
        if (await db.Payments.FindAsync([@event.OrderId], ct) is not null)
        {
            return; // Void: see below.
        }

        var payment = new Payment { OrderId = @event.OrderId, Amount = @event.Amount, TraceId = context.Trace.TraceId.ToString() };
        db.Payments.Add(payment);
        if (@event.Amount > SpendingLimit)
        {
            payment.State = PaymentState.Declined;
            await events.PublishAsync(new PaymentFailedEvent(@event.OrderId, "payment declined"), ct);
            return;
        }

        payment.State = PaymentState.Charged;
        db.Ledger.Add(new LedgerEntry { OrderId = @event.OrderId, Amount = @event.Amount, At = time.GetUtcNow() });
        await events.PublishAsync(new PaymentSuccessEvent(@event.OrderId, @event.Amount, @event.Sku, @event.Quantity), ct);
    }

    public async Task ConsumeAsync(OrderCancelledEvent @event, EventContext context, CancellationToken ct)
    {
        switch (await db.Payments.FindAsync([@event.OrderId], ct))
        {
            case { State: PaymentState.Charged } payment:
                payment.State = PaymentState.Refunded;
                db.Ledger.Add(new LedgerEntry { OrderId = payment.OrderId, Amount = -payment.Amount, At = time.GetUtcNow() });
                await events.PublishAsync(new PaymentRefundedEvent(payment.OrderId, payment.Amount), ct);
                break;

            case null:
                // Not in the ordinary course of things. But an order.created that was dead-lettered may be replayed by a
                // person after this: then this row says not to charge.
                db.Payments.Add(new Payment { OrderId = @event.OrderId, State = PaymentState.Void, TraceId = context.Trace.TraceId.ToString() });
                break;
        }
    }
}
