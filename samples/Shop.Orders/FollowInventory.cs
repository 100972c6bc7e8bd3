using Cuckoo.EventBus;
using Shop.Contracts;

namespace Shop.Orders;

/// <summary>What the stock means for the order. An order cancelled meanwhile stays so; Inventory hears of that and releases.</summary>
public sealed class FollowInventory(OrdersDbContext db, TimeProvider time) : IEventConsumer<InventoryDeductedEvent>, IEventConsumer<OutOfStockEvent>
{
    public async Task ConsumeAsync(InventoryDeductedEvent @event, EventContext context, CancellationToken ct)
    {
        var order = await db.LockOrderAsync(@event.OrderId, ct);
        order!.Complete(time.GetUtcNow());
    }

    public async Task ConsumeAsync(OutOfStockEvent @event, EventContext context, CancellationToken ct)
    {
        var order = await db.LockOrderAsync(@event.OrderId, ct);
        order!.Cancel("out of stock", time.GetUtcNow());
    }
}
