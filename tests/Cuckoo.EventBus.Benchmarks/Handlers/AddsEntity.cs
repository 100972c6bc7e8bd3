using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>Adds the business row as an entity, which the bus has saved.</summary>
internal sealed class AddsEntity(BenchContext db, Tally tally) : IEventConsumer<BenchEvent>
{
    public Task ConsumeAsync(BenchEvent @event, EventContext context, CancellationToken ct)
    {
        db.Orders.Add(new Order { Customer = @event.Key, Total = 12.5m });
        tally.Add(@event);
        return Task.CompletedTask;
    }
}
