using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>
/// Handlers that wait a millisecond, 16 at a time: how near the bus comes to what keys and slots allow. Then one key has half
/// of all records: it is as long as its own records take, and the others do not wait for it.
/// </summary>
internal sealed class ConsumeKeys : IMeasure
{
    private const int Records = 100_000;
    private const int HotRecords = 16_000;
    private const int Keys = 1_000;
    private const double HandlerMs = 1;

    /// <summary>Of the hot key, before the others come: below what a group has in flight at most.</summary>
    private const int HotBacklog = 6_000;

    /// <summary>
    /// Until the hot key's records are read. Whoever comes behind them in their partition waits for that at any consumer; what is
    /// looked at is whether it waits for their handlers too.
    /// </summary>
    private static readonly TimeSpan Reading = TimeSpan.FromSeconds(0.5);

    /// <summary>Of the other keys, while the hot one is busy: 6000 records take it more than these seconds.</summary>
    private const double OthersPerSecond = 500;
    private const double Seconds = 6;

    /// <summary>Of the other keys, before: code is compiled, connections are there.</summary>
    private const double WarmUpSeconds = 15;

    public string Name => "consume-keys";

    public string Description => "a handler of 1 ms, 16 at a time, 1000 keys, then a hot one: against the ideal";

    private static int Concurrency { get; } = new ConsumerOptions().Concurrency;

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var all = await IdealLineAsync(bench, Name, bench.Options.Rows ?? Records, KeyOf);
        var hot = await IdealLineAsync(bench, $"{Name}-hot", bench.Options.Rows ?? HotRecords, i => i % 2 == 0 ? BenchEvent.HotKey : KeyOf(i));
        // The limit is the same without the hot key.
        var others = await Rounds.AlternateAsync(bench, () => OthersAsync(bench, HotBacklog), () => OthersAsync(bench, hotBacklog: 0));
        return [all, hot, Line.Of($"{Name}-others-p99", Rounds.Of(others, latency => latency.P99), "ms", Goal.AtMost(1.25))];
    }

    private static string KeyOf(int i) => $"key-{i * 7_919L % Keys}";

    private static async Task<Line> IdealLineAsync(Bench bench, string name, int records, Func<int, string> keyOf)
    {
        await using var source = await bench.NewTargetAsync();
        await TopicWriter.FillAsync(bench, source, records, keyOf: keyOf);
        List<double> ours = [], ideal = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var result = await new ConsumeRun(bench, source) { Kind = SideKind.BusConsumer, Handling = Handling.Waits, HandlerMs = HandlerMs, WarmUp = records / 2 }.RunAsync(records);
            ours.Add(records / result.AllSeconds);
            ideal.Add(records / Math.Max(result.BusySeconds / Concurrency, result.HotBusySeconds));
            Bench.Say($"round {round + 1}: {ours[^1]:0} of {ideal[^1]:0} records/s; a handler took {result.BusySeconds * 1000 / records:0.00} ms");
        }

        return Line.Of(name, new Rounds(ours, ideal), "records/s", Goal.AtLeast(0.9));
    }

    private static async Task<Latency> OthersAsync(Bench bench, int hotBacklog)
    {
        await using var target = await bench.NewTargetAsync();
        var warmUp = (int)(OthersPerSecond * WarmUpSeconds);
        var measured = (int)(OthersPerSecond * Seconds);
        var consumption = new Consumption { Group = ConsumeRun.NewGroup(), Count = warmUp + hotBacklog + measured, Handling = Handling.Waits, HandlerMs = HandlerMs, LatencyFrom = warmUp + hotBacklog };
        await using var consumer = SideProcess.Start(SideKind.BusConsumer);
        await using var producer = SideProcess.Start(SideKind.RawProducer);
        await consumer.StartAsync(target.ForSide with { Consumption = consumption });
        await producer.StartAsync(target.ForSide with { LingerMs = 0 });
        var all = consumer.RunAsync(new SideWork());
        var work = new SideWork { PerSecond = OthersPerSecond, IsJittered = true };
        await producer.RunAsync(work with { Seconds = WarmUpSeconds });
        if (hotBacklog > 0)
        {
            await producer.RunAsync(new SideWork { First = warmUp, Count = hotBacklog, Key = BenchEvent.HotKey });
            await Task.Delay(Reading);
        }

        await producer.RunAsync(work with { First = warmUp + hotBacklog, Seconds = Seconds });
        var result = await all;
        await consumer.StopAsync();
        await producer.StopAsync();
        return Latency.Of(result.Latencies);
    }
}
