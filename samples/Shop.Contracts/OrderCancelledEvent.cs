using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The order is off, for whatever reason: whoever did something for it undoes it.</summary>
[Event("order.cancelled", Topic = "order-events")]
public sealed record OrderCancelledEvent(Guid OrderId, string Email, string Reason) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
