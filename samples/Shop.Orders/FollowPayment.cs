using Cuckoo.EventBus;
using Shop.Contracts;

namespace Shop.Orders;

/// <summary>What the payment means for the order. The transaction around each call is the bus's, and so is the save.</summary>
public sealed class FollowPayment(OrdersDbContext db, TimeProvider time) : IEventConsumer<PaymentSuccessEvent>, IEventConsumer<PaymentFailedEvent>
{
    public async Task ConsumeAsync(PaymentSuccessEvent @event, EventContext context, CancellationToken ct)
    {
        var order = await db.LockOrderAsync(@event.OrderId, ct);
        order!.MarkPaid();
    }

    public async Task ConsumeAsync(PaymentFailedEvent @event, EventContext context, CancellationToken ct)
    {
        var order = await db.LockOrderAsync(@event.OrderId, ct);
        order!.Cancel(@event.Reason, time.GetUtcNow());
    }
}
