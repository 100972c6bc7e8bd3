using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>A customer has placed an order. Payments charges it.</summary>
[Event("order.created", Topic = "order-events")]
public sealed record OrderCreatedEvent(Guid OrderId, string Email, string Sku, int Quantity, decimal Amount) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
