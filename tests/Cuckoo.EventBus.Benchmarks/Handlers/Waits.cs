using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>Waits, as for an answer. How long it really took is noted.</summary>
internal sealed class Waits(Tally tally, ExactDelay delay) : IEventConsumer<BenchEvent>
{
    public async Task ConsumeAsync(BenchEvent @event, EventContext context, CancellationToken ct)
    {
        var begun = Stopwatch.GetTimestamp();
        await delay.WaitAsync();
        tally.Add(@event, Stopwatch.GetElapsedTime(begun));
    }
}
