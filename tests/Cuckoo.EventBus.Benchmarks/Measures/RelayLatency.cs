using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>200 commits a second by three instances; the limit is one process that produces what it just committed.</summary>
internal sealed class RelayLatency : IMeasure
{
    public string Name => "relay-latency";

    public string Description => "commit to Kafka at 200 commits/s over 3 instances, against a hand-written single process";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var results = await Rounds.AlternateAsync(
            bench,
            () => new CommitRun(bench).RunAsync(),
            () => new CommitRun(bench) { Kind = SideKind.CommitLoop, Instances = 1 }.RunAsync());
        return
        [
            Line.Of($"{Name}-p50", Rounds.Of(results, l => l.P50), "ms", Goal.AtMost(2)),
            Line.Of($"{Name}-p99", Rounds.Of(results, l => l.P99), "ms", Goal.AtMost(3)),
        ];
    }
}
