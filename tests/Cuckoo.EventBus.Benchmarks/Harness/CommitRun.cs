using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Commits at a rate, spread over instances, and how long each event takes to Kafka.</summary>
internal sealed class CommitRun(Bench bench)
{
    public const int BusInstances = 3;

    private const double PerSecond = 200;
    private const double Seconds = 20;

    /// <summary>
    /// Transactions of each process before it is measured: connections, the broker's caches, and above all compiled code.
    /// Each when the one before is done: begun at a rate, they would pile up behind the compilers on few processors, and leave
    /// pools of a hundred connections behind that all are in use from then on.
    /// </summary>
    private const int WarmUpCommits = 6_000;

    private const int WarmUpWriters = 2;

    /// <summary>And at the rate that is measured.</summary>
    private const double WarmUpSeconds = 10;

    private readonly double _seconds = bench.Options.Seconds ?? Seconds;

    public SideKind Kind { get; init; } = SideKind.Bus;

    public int Instances { get; init; } = BusInstances;

    /// <summary>What happens before it is measured.</summary>
    public Func<Target, IReadOnlyList<SideProcess>, Task>? Before { get; init; }

    public async Task<Latency> RunAsync()
    {
        await using var target = await bench.NewTargetAsync(hasAppendTimes: true);
        var sides = Enumerable.Range(0, Instances).Select(_ => SideProcess.Start(Kind)).ToList();
        try
        {
            await Task.WhenAll(sides.Select(side => side.StartAsync(target.ForSide)));
            var warmUp = new SideWork { Count = WarmUpCommits, Writers = WarmUpWriters };
            await Task.WhenAll(sides.Select(side => side.RunAsync(warmUp)));
            await CommitAsync(sides, Math.Min(WarmUpSeconds, _seconds));
            if (Before is not null)
            {
                await Before(target, sides);
            }

            var latency = await Latency.OfAsync(bench, target, await CommitAsync(sides, _seconds));
            await Task.WhenAll(sides.Select(side => side.StopAsync()));
            return latency;
        }
        finally
        {
            foreach (var side in sides)
            {
                await side.DisposeAsync();
            }
        }
    }

    private async Task<IReadOnlyCollection<Commit>> CommitAsync(List<SideProcess> sides, double seconds)
    {
        var work = new SideWork { PerSecond = PerSecond / Instances, Seconds = seconds, IsJittered = true };
        var results = await Task.WhenAll(sides.Select(side => side.RunAsync(work)));
        return [.. results.SelectMany(r => r.Commits)];
    }
}
