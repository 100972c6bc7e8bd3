using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Drains a backlog by fresh processes, whose code has been warmed up by a backlog elsewhere.</summary>
internal sealed class Drain(Bench bench)
{
    /// <summary>Until the loop's code is compiled for good: a slow first tenth would flatter the last.</summary>
    private const int WarmUpRows = 100_000;

    /// <summary>Until the hosts that run before have nothing to do.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(3);

    public int Instances { get; init; } = 1;

    /// <summary>Whether by hand.</summary>
    public bool IsHandWritten { get; init; }

    /// <summary>Whether the rows come when the hosts have long been running: many that start share the processors with one that drains.</summary>
    public bool IsRunningBefore { get; init; }

    /// <summary>What somebody else holds open meanwhile.</summary>
    public Func<Target, Task<HeldTransaction>>? Held { get; init; }

    private SideKind Kind => IsHandWritten ? SideKind.DrainLoop : SideKind.Bus;

    private IBacklog Backlog => IsHandWritten ? new HandWrittenBacklog() : new OutboxBacklog();

    public async Task<DrainResult> RunAsync(int rows)
    {
        var sides = new List<SideProcess>();
        try
        {
            for (var i = 0; i < Instances; i++)
            {
                sides.Add(SideProcess.Start(Kind));
                await DrainAsync([sides[i]], Math.Min(WarmUpRows, rows), null);
            }

            return await DrainAsync(sides, rows, Held);
        }
        finally
        {
            foreach (var side in sides)
            {
                await side.DisposeAsync();
            }
        }
    }

    private async Task<DrainResult> DrainAsync(List<SideProcess> sides, int rows, Func<Target, Task<HeldTransaction>>? held)
    {
        await using var target = await bench.NewTargetAsync();
        if (IsRunningBefore)
        {
            await StartAsync();
            await Task.Delay(Settling);
        }

        var backlog = await BacklogWriter.FillAsync(target, Backlog, rows, isSettled: !IsRunningBefore);
        await using var transaction = held is null ? null : await held(target);
        var watch = DrainWatch.RunAsync(bench, target, backlog);
        if (!IsRunningBefore)
        {
            await StartAsync();
        }

        var result = await watch;
        await Task.WhenAll(sides.Select(side => side.StopAsync()));
        if (await target.AskAsync<bool>($"SELECT EXISTS (SELECT 1 FROM {backlog.Table})"))
        {
            throw new MeasureFailedException($"All {rows} rows were sent, but not all are deleted.");
        }

        return result;

        Task StartAsync() => Task.WhenAll(sides.Select(side => side.StartAsync(target.ForSide)));
    }
}
