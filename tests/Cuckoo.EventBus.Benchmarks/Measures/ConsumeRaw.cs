using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>What the bus itself costs: a handler that does nothing, without a database.</summary>
internal sealed class ConsumeRaw : IMeasure
{
    private const int Records = 1_000_000;
    private const int WarmUp = 300_000;

    public string Name => "consume-raw";

    public string Description => "records per second of a handler that does nothing, against a raw loop; 3 headers, and 5 with a trace";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench) =>
    [
        .. await LinesAsync(bench, Name, isTraced: false, Goal.AtLeast(0.8)),
        .. await LinesAsync(bench, $"{Name}-traced", isTraced: true, Goal.None),
    ];

    private static async Task<IReadOnlyList<Line>> LinesAsync(Bench bench, string name, bool isTraced, Goal goal)
    {
        var records = bench.Options.Rows ?? Records;
        await using var source = await bench.NewTargetAsync();
        await TopicWriter.FillAsync(bench, source, records, isTraced);
        var results = await Rounds.AlternateAsync(bench, () => RunAsync(SideKind.BusConsumer), () => RunAsync(SideKind.ConsumeLoop));
        return
        [
            Line.Of(name, Rounds.Of(results, r => r.Rate), "records/s", goal),
            Line.Of($"{name}-bytes", Rounds.Of(results, r => r.Bytes), "B allocated per record", Goal.None),
            Line.Of($"{name}-processor", Rounds.Of(results, r => r.ProcessorMicroseconds), "µs per record", Goal.None),
        ];

        async Task<ConsumeCost> RunAsync(SideKind kind) => ConsumeCost.Of(await new ConsumeRun(bench, source) { Kind = kind, WarmUp = WarmUp }.RunAsync(records));
    }
}
