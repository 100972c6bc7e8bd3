using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Commits at a rate, spread over instances, and how long each event takes to Kafka.</summary>
internal sealed class CommitRun(Bench bench)
{
    public const int BusInstances = 3;

    private const double PerSecond = 200;
    private const double Seconds = 20;

    /// <summary>
    /// Before it is measured: connections, the broker's caches, and above all compiled code. Until that is done, processes that
    /// share few processors wait for each other's compilers, for half a minute at the measured rate.
    /// </summary>
    private const double WarmUpSeconds = 20;

    /// <summary>How much faster the warm-up is.</summary>
    private const double WarmUpHaste = 2;

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
            await CommitAsync(sides, Math.Min(WarmUpSeconds, _seconds), PerSecond * WarmUpHaste);
            if (Before is not null)
            {
                await Before(target, sides);
            }

            var latency = await Latency.OfAsync(bench, target, await CommitAsync(sides, _seconds, PerSecond));
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

    private async Task<IReadOnlyCollection<Commit>> CommitAsync(List<SideProcess> sides, double seconds, double perSecond)
    {
        var work = new SideWork { PerSecond = perSecond / Instances, Seconds = seconds, IsJittered = true };
        var results = await Task.WhenAll(sides.Select(side => side.RunAsync(work)));
        return [.. results.SelectMany(r => r.Commits)];
    }
}
