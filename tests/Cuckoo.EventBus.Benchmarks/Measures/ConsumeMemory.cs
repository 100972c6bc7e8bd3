using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>The working set of a slow consumer that is a million records behind, over that of the same process before.</summary>
internal sealed class ConsumeMemory : IMeasure
{
    private const int Records = 1_000_000;
    private const double HandlerMs = 10;
    private const double MostMegabytes = 100;
    private const double Seconds = 30;

    /// <summary>What counts as flat: from the second tenth, when buffers have their size, to the last.</summary>
    private const double MostGrowth = 1.1;

    private const double Megabyte = 1024 * 1024;

    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(100);

    public string Name => "consume-memory";

    public string Description => "working set over idle with a million records of lag and a handler of 10 ms, and its growth meanwhile";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        List<double> over = [], early = [], late = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var (idle, samples) = await ConsumeAsync(bench);
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

    private static async Task<(double Idle, List<double> Samples)> ConsumeAsync(Bench bench)
    {
        var records = bench.Options.Rows ?? Records;
        await using var target = await bench.NewTargetAsync();
        await using var side = SideProcess.Start(SideKind.BusConsumer);
        await side.StartAsync(target.ForSide with { Consumption = new Consumption { Group = ConsumeRun.NewGroup(), Count = records, Handling = Handling.Waits, HandlerMs = HandlerMs } });
        await Task.Delay(TimeSpan.FromSeconds(5));
        var idle = side.WorkingSet / Megabyte;

        var samples = new List<double>();
        var fill = TopicWriter.FillAsync(bench, target, records, isTraced: true);
        var until = Task.Delay(TimeSpan.FromSeconds(bench.Options.Seconds ?? Seconds));
        while (!fill.IsCompleted || !until.IsCompleted)
        {
            samples.Add(side.WorkingSet / Megabyte);
            await Task.Delay(SampleEvery);
        }

        await fill;
        // Not stopped: it has most of it still before it.
        return (idle, samples);
    }
}
