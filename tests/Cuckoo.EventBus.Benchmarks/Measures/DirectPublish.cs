using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>Publishing without an outbox: a call and a task per event, against the raw producer with a handler.</summary>
internal sealed class DirectPublish : IMeasure
{
    private const int Events = 500_000;
    private const int WarmUpEvents = 50_000;

    public string Name => "direct-publish";

    public string Description => "events per second without an outbox, and bytes allocated, against the raw producer";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var results = await Rounds.AlternateAsync(
            bench, () => RunAsync(bench, SideKind.DirectPublisher), () => RunAsync(bench, SideKind.RawProducer));
        return
        [
            Line.Of(Name, Rounds.Of(results, r => r.Rate), "events/s", Goal.AtLeast(0.9)),
            Line.Of($"{Name}-bytes", Rounds.Of(results, r => r.Bytes), "B allocated per event", Goal.None),
        ];
    }

    private static async Task<PublishCost> RunAsync(Bench bench, SideKind kind)
    {
        var events = bench.Options.Rows ?? Events;
        await using var target = await bench.NewTargetAsync();
        await using var side = SideProcess.Start(kind);
        await side.StartAsync(target.ForSide);
        await side.RunAsync(new SideWork { Count = Math.Min(WarmUpEvents, events) });
        var result = await side.RunAsync(new SideWork { Count = events });
        await side.StopAsync();
        return new PublishCost(events / result.Seconds, (double)result.AllocatedBytes / events);
    }
}
