using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>A transaction per record: its mark in the inbox and one insert.</summary>
internal sealed class ConsumeInbox : IMeasure
{
    private const int Records = 60_000;
    private const int WarmUp = 60_000;

    public string Name => "consume-inbox";

    public string Description => "records per second with a row each, a transaction per record, against workers by hand";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var records = bench.Options.Rows ?? Records;
        await using var source = await bench.NewTargetAsync();
        await TopicWriter.FillAsync(bench, source, records, isTraced: true);
        var rows = await Rounds.AlternateAsync(bench, () => RunAsync(SideKind.BusConsumer, Handling.InsertsRow), () => RunAsync(SideKind.InboxLoop, Handling.InsertsRow));
        var entities = await Rounds.AlternateAsync(bench, () => RunAsync(SideKind.BusConsumer, Handling.AddsEntity), () => RunAsync(SideKind.InboxLoop, Handling.AddsEntity));
        return
        [
            Line.Of(Name, Rounds.Of(rows, r => r.Rate), "records/s", Goal.AtLeast(0.9)).With("processorMicroseconds", rows.Ours.Select(r => r.ProcessorMicroseconds)),
            Line.Of($"{Name}-entity", Rounds.Of(entities, r => r.Rate), "records/s", Goal.None),
        ];

        async Task<ConsumeCost> RunAsync(SideKind kind, Handling handling) =>
            ConsumeCost.Of(await new ConsumeRun(bench, source) { Kind = kind, Handling = handling, WarmUp = WarmUp }.RunAsync(records));
    }
}
