using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>Publishing without an outbox: a call and a task per event, against the raw producer with a handler.</summary>
internal sealed class DirectPublish : IMeasure
{
    private const int Events = 1_000_000;

    public string Name => "direct-publish";

    public string Description => "events per second without an outbox, and bytes allocated, against the raw producer";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var (ours, limit) = (new List<PublishCost>(), new List<PublishCost>());
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            await using var target = await bench.NewTargetAsync();
            var costs = await PublishTurns.RunAsync([(SideKind.DirectPublisher, target.ForSide), (SideKind.RawProducer, target.ForSide)], bench.Options.Rows ?? Events);
            Bench.Say($"round {round + 1}, ours: {costs[0]}; limit: {costs[1]}");
            ours.Add(costs[0]);
            limit.Add(costs[1]);
        }

        return
        [
            Line.Of(Name, Rounds.Of((ours, limit), r => r.Rate), "events/s", Goal.AtLeast(0.9)),
            Line.Of($"{Name}-bytes", Rounds.Of((ours, limit), r => r.Bytes), "B allocated per event", Goal.None),
        ];
    }
}
