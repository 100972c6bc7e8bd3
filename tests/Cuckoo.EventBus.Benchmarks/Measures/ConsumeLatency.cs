using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>From the call that produces to the handler, 200 records a second.</summary>
internal sealed class ConsumeLatency : IMeasure
{
    private const double PerSecond = 200;
    private const double Seconds = 20;

    /// <summary>At twice the rate, for compiled code.</summary>
    private const double WarmUpSeconds = 15;

    public string Name => "consume-latency";

    public string Description => "produce to handler at 200 records/s, against a raw loop";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var results = await Rounds.AlternateAsync(bench, () => RunAsync(bench, SideKind.BusConsumer), () => RunAsync(bench, SideKind.ConsumeLoop));
        return
        [
            Line.Of($"{Name}-p50", Rounds.Of(results, l => l.P50), "ms", Goal.AtMost(1.5)),
            Line.Of($"{Name}-p99", Rounds.Of(results, l => l.P99), "ms", Goal.AtMost(2)),
        ];
    }

    private static async Task<Latency> RunAsync(Bench bench, SideKind kind)
    {
        await using var target = await bench.NewTargetAsync();
        var warmUp = (int)(PerSecond * 2 * WarmUpSeconds);
        var seconds = bench.Options.Seconds ?? Seconds;
        var consumption = new Consumption { Group = ConsumeRun.NewGroup(), Count = warmUp + (int)(PerSecond * seconds), LatencyFrom = warmUp };
        await using var consumer = SideProcess.Start(kind);
        await using var producer = SideProcess.Start(SideKind.RawProducer);
        await consumer.StartAsync(target.ForSide with { Consumption = consumption });
        await producer.StartAsync(target.ForSide with { LingerMs = 0 });
        var all = consumer.RunAsync(new SideWork());
        await producer.RunAsync(new SideWork { PerSecond = PerSecond * 2, Seconds = WarmUpSeconds, IsJittered = true });
        await producer.RunAsync(new SideWork { First = warmUp, PerSecond = PerSecond, Seconds = seconds, IsJittered = true });
        var result = await all;
        await consumer.StopAsync();
        await producer.StopAsync();
        return Latency.Of(result.Latencies);
    }
}
