using Cuckoo.EventBus;

namespace Samples.Tests.Readme;

[Event("order.created", Topic = "order-events")]
public sealed record OrderCreatedEvent(Guid OrderId, decimal Total) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
