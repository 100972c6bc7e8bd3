using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The goods are set aside. Orders completes.</summary>
[Event("inventory.deducted", Topic = "inventory-events")]
public sealed record InventoryDeductedEvent(Guid OrderId, string Sku, int Quantity) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
