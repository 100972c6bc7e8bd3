using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sample.Chain;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>The chain's last step, back at the orders.</summary>
internal sealed class ConfirmOrder(BenchContext db, OpenOrders open) : IEventConsumer<StockReserved>
{
    public async Task ConsumeAsync(StockReserved @event, EventContext context, CancellationToken ct)
    {
        var order = await db.Orders.FindAsync([@event.OrderId], ct);
        order!.ConfirmedAt = DateTime.UtcNow;
        open.Confirmed(@event.OrderId);
    }
}
