using Cuckoo.EventBus;

namespace Samples.Tests.Readme;

public sealed class RecordOrders(PaymentsDbContext db) : IEventBatchConsumer<OrderCreatedEvent>
{
    public Task ConsumeAsync(IReadOnlyList<ReceivedEvent<OrderCreatedEvent>> batch, CancellationToken ct)
    {
        db.Payments.AddRange(batch.Select(received => new Payment { OrderId = received.Event.OrderId, Amount = received.Event.Total }));
        return Task.CompletedTask;
    }
}
