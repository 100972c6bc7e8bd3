using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;
using Shop.Contracts;

namespace Shop.Notifications;

/// <summary>
/// Mails the customer. It calls out, so it runs without a transaction (<see cref="ConsumerTransaction.None"/>): the bus notes
/// the event as handled afterwards, and after a crash in between the same event comes again. The event's id is the gateway's
/// idempotency key and our own row's primary key, so that a repeat changes nothing on either side.
/// </summary>
public sealed class TellCustomer(NotificationsDbContext db, IMailGateway gateway)
    : IEventConsumer<OrderUpdatedEvent>, IEventConsumer<OrderCompletedEvent>, IEventConsumer<OrderCancelledEvent>
{
    public Task ConsumeAsync(OrderUpdatedEvent @event, EventContext context, CancellationToken ct) =>
        TellAsync(@event, @event.OrderId, @event.Email, "From now on we write to this address", context, ct);

    public Task ConsumeAsync(OrderCompletedEvent @event, EventContext context, CancellationToken ct) =>
        TellAsync(@event, @event.OrderId, @event.Email, "Your order is on its way", context, ct);

    public Task ConsumeAsync(OrderCancelledEvent @event, EventContext context, CancellationToken ct) =>
        TellAsync(@event, @event.OrderId, @event.Email, $"Your order is cancelled: {@event.Reason}", context, ct);

    private async Task TellAsync(DomainEvent @event, Guid orderId, string email, string subject, EventContext context, CancellationToken ct)
    {
        if (await db.Notifications.AnyAsync(n => n.EventId == @event.EventId, ct))
        {
            return;
        }

        await gateway.SendAsync(new Mail(@event.EventId.ToString(), email, subject), ct);

        db.Notifications.Add(new Notification
        {
            EventId = @event.EventId,
            EventType = context.EventType,
            OrderId = orderId,
            Email = email,
            TraceId = context.Trace.TraceId.ToString(),
        });
        await db.PublishAsync(new NotificationSentEvent(orderId, email, subject), ct);
        await db.SaveChangesAsync(ct);
    }
}
