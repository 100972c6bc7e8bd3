using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The order is paid and its goods are set aside.</summary>
[Event("order.completed", Topic = "order-events")]
public sealed record OrderCompletedEvent(Guid OrderId, string Email) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
