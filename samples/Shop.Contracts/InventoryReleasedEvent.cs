using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The goods of a cancelled order are on the shelf again.</summary>
[Event("inventory.released", Topic = "inventory-events")]
public sealed record InventoryReleasedEvent(Guid OrderId, string Sku, int Quantity) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
