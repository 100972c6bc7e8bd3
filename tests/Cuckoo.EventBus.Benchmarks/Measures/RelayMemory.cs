using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>The working set of a service whose outbox suddenly has a million rows, over that of the same process before.</summary>
internal sealed class RelayMemory : IMeasure
{
    private const int Rows = 1_000_000;
    private const double MostMegabytes = 100;

    /// <summary>What counts as flat: from the second tenth of the drain, when buffers have their size, to the last.</summary>
    private const double MostGrowth = 1.1;

    private const double Megabyte = 1024 * 1024;

    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(100);

    public string Name => "relay-memory";

    public string Description => "working set over idle while a million rows wait, and its growth meanwhile";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        List<double> over = [], early = [], late = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var (idle, samples) = await DrainAsync(bench);
            var tenth = Math.Max(1, samples.Count / 10);
            over.Add(samples.Max() - idle);
            early.Add(Statistics.Median([.. samples.Skip(tenth).Take(tenth)]));
            late.Add(Statistics.Median([.. samples.TakeLast(tenth)]));
            Bench.Say($"round {round + 1}: idle {idle:0} MB, at most {samples.Max():0}, second tenth {early[^1]:0}, last tenth {late[^1]:0}");
        }

        return
        [
            Line.NoMoreThan(Name, over, MostMegabytes, "MB"),
            Line.Of($"{Name}-flat", new Rounds(late, early), "MB", Goal.AtMost(MostGrowth)),
        ];
    }

    private static async Task<(double Idle, List<double> Samples)> DrainAsync(Bench bench)
    {
        await using var target = await bench.NewTargetAsync();
        // Not warmed up: what drains leave behind would count as idle.
        await using var side = SideProcess.Start(SideKind.Bus);
        await side.StartAsync(target.ForSide);
        await Task.Delay(TimeSpan.FromSeconds(bench.Options.Seconds ?? 5));
        var idle = side.WorkingSet / Megabyte;

        var backlog = await BacklogWriter.FillAsync(target, new OutboxBacklog(), bench.Options.Rows ?? Rows, isSettled: false);
        var samples = new List<double>();
        var watch = DrainWatch.RunAsync(bench, target, backlog);
        do
        {
            samples.Add(side.WorkingSet / Megabyte);
            await Task.WhenAny(watch, Task.Delay(SampleEvery));
        }
        while (!watch.IsCompleted);

        await watch;
        await side.StopAsync();
        return (idle, samples);
    }
}
