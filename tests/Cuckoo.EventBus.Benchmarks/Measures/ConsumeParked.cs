using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Handlers;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>
/// Many keys are parked, with the later records of each behind it: what that costs the other keys, and whether all of it drains
/// in order when the fault ends.
/// </summary>
internal sealed class ConsumeParked : IMeasure
{
    private const int ParkedKeys = 10_000;

    /// <summary>The first of each key, and ten behind it.</summary>
    private const int RecordsPerKey = 11;

    private const int Others = 40_000;
    private const int WarmUp = 20_000;

    private static readonly EventBusTables Tables = new();
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    public string Name => "consume-parked";

    public string Description => "other keys while 10,000 are parked with 100,000 records behind them, and their drain afterwards";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var keys = bench.Options.Rows ?? ParkedKeys;
        List<double> beside = [], alone = [], parked = [], drained = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var (parking, others, draining) = await RunAsync(bench, keys);
            parked.Add(parking);
            beside.Add(others);
            drained.Add(draining);
            alone.Add((await RunAsync(bench, keys: 0)).Others);
            Bench.Say($"round {round + 1}: {parking:0} parked/s, then other keys {others:0} records/s, {alone[^1]:0} with none parked; drained {draining:0}/s");
        }

        return
        [
            Line.Of(Name, new Rounds(beside, alone), "records/s", Goal.AtLeast(0.8)),
            Line.Reported($"{Name}-parking", parked, "records/s"),
            Line.Reported($"{Name}-drain", drained, "records/s"),
        ];
    }

    private static async Task<(double Parking, double Others, double Draining)> RunAsync(Bench bench, int keys)
    {
        await using var warm = await bench.NewTargetAsync();
        await using var target = await bench.NewTargetAsync();
        await using var side = SideProcess.Start(SideKind.BusConsumer);
        await TopicWriter.FillAsync(bench, warm, WarmUp, isTraced: true);
        await side.StartAsync(warm.ForSide with { Consumption = Of(WarmUp) });
        await side.RunAsync(new SideWork());
        await side.StopAsync();

        var faulty = keys * RecordsPerKey;
        await TopicWriter.FillAsync(bench, target, faulty, isTraced: true, i => $"{FaultSwitch.Prefix}{i % Math.Max(1, keys)}");
        var clock = Stopwatch.StartNew();
        await side.StartAsync(target.ForSide with { Consumption = Of(Others) });
        await UntilAsync(target, $"SELECT count(*) FROM {Tables.RetryMessages}", faulty);
        var parking = faulty / clock.Elapsed.TotalSeconds;

        await TopicWriter.FillAsync(bench, target, Others, isTraced: true);
        var others = ConsumeCost.Of(await side.RunAsync(new SideWork())).Rate;

        await side.RunAsync(new SideWork { EndsFault = true });
        clock.Restart();
        await UntilAsync(target, $"SELECT count(*) FROM {Tables.RetryMessages}", 0);
        var draining = faulty / clock.Elapsed.TotalSeconds;
        var rows = await target.AskAsync<long>("SELECT count(*) FROM orders");
        var result = await side.RunAsync(new SideWork { EndsFault = true });
        await side.StopAsync();
        if (rows != faulty + Others || result.Reordered > 0)
        {
            throw new MeasureFailedException($"{faulty + Others} records left {rows} rows, {result.Reordered} of them out of order.");
        }

        return (parking, others, draining);
    }

    private static Consumption Of(int count) => new() { Group = ConsumeRun.NewGroup(), Count = count, Handling = Handling.InsertsUnlessFaulty };

    private static async Task UntilAsync(Target target, string count, long wanted)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (await target.AskAsync<long>(count) != wanted)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
        }
    }
}
