using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>A transaction per 500 records: their marks in the inbox and one insert of many rows.</summary>
internal sealed class ConsumeBatch : IMeasure
{
    private const int Records = 500_000;
    private const int WarmUp = 200_000;
    private const int BatchSize = 500;

    public string Name => "consume-batch";

    public string Description => "records per second with a row each, a transaction per 500, against workers by hand";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var records = bench.Options.Rows ?? Records;
        await using var source = await bench.NewTargetAsync();
        await TopicWriter.FillAsync(bench, source, records, isTraced: true);
        var results = await Rounds.AlternateAsync(bench, () => RunAsync(SideKind.BusConsumer), () => RunAsync(SideKind.BatchLoop));
        return [Line.Of(Name, Rounds.Of(results, r => r.Rate), "records/s", Goal.AtLeast(0.8))];

        async Task<ConsumeCost> RunAsync(SideKind kind) =>
            ConsumeCost.Of(await new ConsumeRun(bench, source) { Kind = kind, Handling = Handling.InsertsBatch, BatchSize = BatchSize, WarmUp = WarmUp }.RunAsync(records));
    }
}
