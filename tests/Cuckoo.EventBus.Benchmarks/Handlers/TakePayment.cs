using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sample.Chain;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>The payments' step of the chain.</summary>
internal sealed class TakePayment(BenchContext db, IEventPublisher events) : IEventConsumer<OrderPlaced>
{
    public Task ConsumeAsync(OrderPlaced @event, EventContext context, CancellationToken ct)
    {
        db.Payments.Add(new Payment { OrderId = @event.OrderId, Amount = @event.Total });
        return events.PublishAsync(new PaymentTaken(@event.OrderId, @event.Total), ct);
    }
}
