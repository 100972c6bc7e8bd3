using System.Globalization;
using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>
/// What it costs to be watched: publishing and consuming with OpenTelemetry's SDK, against the same without; and without it, what
/// the instrumentation's own calls take of the whole.
/// </summary>
internal sealed class Telemetry : IMeasure
{
    private const int Events = 1_000_000;
    private const int WarmUp = 300_000;
    private const int Calls = 2_000_000;

    /// <summary>Without the SDK, and with these shares of the traces.</summary>
    private static readonly (string Name, double? Share)[] Ways = [("off", null), ("1pct", 0.01), ("all", 1)];

    public string Name => "telemetry";

    public string Description => "publishing and consuming without OpenTelemetry's SDK, with 1 % of the traces, with all of them";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        await using var sink = await TelemetrySink.StartAsync();
        return [.. await PublishAsync(bench, sink), .. await ConsumeAsync(bench, sink)];
    }

    private async Task<IReadOnlyList<Line>> PublishAsync(Bench bench, TelemetrySink sink)
    {
        var rounds = new List<IReadOnlyList<PublishCost>>();
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            await using var target = await bench.NewTargetAsync();
            rounds.Add(await PublishTurns.RunAsync(
                [.. Ways.Select(way => (SideKind.DirectPublisher, target.ForSide with { Telemetry = SetupOf(way.Share, sink) }))], bench.Options.Rows ?? Events, hasRequestEach: true));
            Say(round, rounds[^1]);
        }

        return
        [
            OffLine($"{Name}-publish-off", Of(rounds, 0, cost => cost.ProcessorMicroseconds), await CallsAsync(SideKind.PublishCalls), "event"),
            .. Lines($"{Name}-publish", "events/s", way => Of(rounds, way, cost => cost.Rate)),
            .. Lines($"{Name}-publish-processor", "µs per event", way => Of(rounds, way, cost => cost.ProcessorMicroseconds)),
        ];
    }

    private async Task<IReadOnlyList<Line>> ConsumeAsync(Bench bench, TelemetrySink sink)
    {
        var records = bench.Options.Rows ?? Events;
        await using var source = await bench.NewTargetAsync();
        await TopicWriter.FillAsync(bench, source, records, isTraced: true);
        var rounds = new List<IReadOnlyList<ConsumeCost>>();
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var costs = new ConsumeCost[Ways.Length];
            for (var i = 0; i < Ways.Length; i++)
            {
                // Who begins changes, so that none always finds the machine as another left it.
                var way = (round + i) % Ways.Length;
                var run = new ConsumeRun(bench, source) { Kind = SideKind.BusConsumer, WarmUp = WarmUp, Telemetry = SetupOf(Ways[way].Share, sink) };
                costs[way] = ConsumeCost.Of(await run.RunAsync(records));
            }

            rounds.Add(costs);
            Say(round, costs);
        }

        var whole = Of(rounds, 0, cost => cost.ProcessorMicroseconds);
        var (calls, traced) = (await CallsAsync(SideKind.ConsumeCalls), await CallsAsync(SideKind.ConsumeCallsTraced));
        return
        [
            OffLine($"{Name}-consume-off", whole, calls, "record"),
            OffLine($"{Name}-consume-propagation", whole, traced - calls, "record") with { Goal = Goal.None },
            .. Lines($"{Name}-consume", "records/s", way => Of(rounds, way, cost => cost.Rate)),
            .. Lines($"{Name}-consume-processor", "µs per record", way => Of(rounds, way, cost => cost.ProcessorMicroseconds)),
        ];
    }

    private static async Task<double> CallsAsync(SideKind kind)
    {
        await using var side = SideProcess.Start(kind);
        return (await side.RunAsync(new SideWork { Count = Calls })).MedianMicroseconds;
    }

    private static TelemetrySetup? SetupOf(double? share, TelemetrySink sink) => share is { } kept ? new TelemetrySetup(kept, sink.Endpoint) : null;

    private static IReadOnlyList<double> Of<T>(List<IReadOnlyList<T>> rounds, int way, Func<T, double> figure) => [.. rounds.Select(round => figure(round[way]))];

    /// <summary>The whole, against the whole less what the calls take.</summary>
    private static Line OffLine(string name, IReadOnlyList<double> whole, double calls, string piece) =>
        Line.Of(name, new Rounds(whole, [.. whole.Select(microseconds => microseconds - calls)]), $"µs of processor per {piece}", Goal.AtMost(1.02))
            .With("microseconds of the calls alone", calls);

    /// <summary>The ways with the SDK, against the one without.</summary>
    private static IEnumerable<Line> Lines(string name, string unit, Func<int, IReadOnlyList<double>> figures) =>
        Enumerable.Range(1, Ways.Length - 1).Select(way => Line.Of($"{name}-{Ways[way].Name}", new Rounds(figures(way), figures(0)), unit, Goal.None));

    private static void Say<T>(int round, IReadOnlyList<T> costs) => Bench.Say(
        string.Create(CultureInfo.InvariantCulture, $"round {round + 1}: {string.Join("; ", costs.Select((cost, way) => $"{Ways[way].Name}: {cost}"))}"));
}
