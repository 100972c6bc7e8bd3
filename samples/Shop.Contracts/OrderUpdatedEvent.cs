using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The customer has given another mail address.</summary>
[Event("order.updated", Topic = "order-events")]
public sealed record OrderUpdatedEvent(Guid OrderId, string Email) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
