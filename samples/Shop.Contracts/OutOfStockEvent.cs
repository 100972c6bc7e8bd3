using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>There is not enough on the shelf. Orders cancels.</summary>
[Event("inventory.out-of-stock", Topic = "inventory-events")]
public sealed record OutOfStockEvent(Guid OrderId, string Sku) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
