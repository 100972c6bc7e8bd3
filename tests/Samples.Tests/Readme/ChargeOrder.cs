using Cuckoo.EventBus;

namespace Samples.Tests.Readme;

public sealed class ChargeOrder(PaymentsDbContext db, IEventPublisher events) : IEventConsumer<OrderCreatedEvent>
{
    public async Task ConsumeAsync(OrderCreatedEvent e, EventContext context, CancellationToken ct)
    {
        db.Payments.Add(new Payment { OrderId = e.OrderId, Amount = e.Total });
        await events.PublishAsync(new PaymentSuccessEvent(e.OrderId, e.Total), ct);
    }
}
