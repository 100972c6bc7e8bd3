using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>What is left is the bus.</summary>
internal sealed class DoesNothing(Tally tally) : IEventConsumer<BenchEvent>
{
    public Task ConsumeAsync(BenchEvent @event, EventContext context, CancellationToken ct)
    {
        tally.Add(@event);
        return Task.CompletedTask;
    }
}
