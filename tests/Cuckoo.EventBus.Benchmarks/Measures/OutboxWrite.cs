using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>
/// A transaction with a business row and events, through the bus and with an INSERT of one's own; nobody relays. One writer's
/// median counts: what a request waits. Several writers at once, who share the disk's flushes and so show what the
/// processor does, are reported beside it.
/// </summary>
internal sealed class OutboxWrite : IMeasure
{
    private const int Transactions = 3_000;
    private const int Writers = 8;

    /// <summary>The disk's mood changes by more than what is looked for, so both sides take turns many times in a round.</summary>
    private const int Turns = 10;

    public string Name => "outbox-write";

    public string Description => "a transaction that publishes 1 or 10 events, against an INSERT of one's own";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench) =>
    [
        .. await LinesAsync(bench, events: 1, Goal.AtMost(1.15)),
        .. await LinesAsync(bench, events: 10, Goal.AtMost(1.3)),
    ];

    private async Task<IReadOnlyList<Line>> LinesAsync(Bench bench, int events, Goal goal)
    {
        var results = (Ours: new List<WriteTimes>(), Limit: new List<WriteTimes>());
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var (ours, limit) = await RoundAsync(bench, events);
            results.Ours.Add(ours);
            results.Limit.Add(limit);
            Bench.Say($"round {round + 1}, {events} events: ours {ours}, limit {limit}");
        }

        return
        [
            Line.Of($"{Name}-{events}", Rounds.Of(results, r => r.Single), "µs", goal),
            Line.Of($"{Name}-{events}-by-{Writers}-writers", Rounds.Of(results, r => r.Busy), "µs", Goal.None),
        ];
    }

    private static async Task<(WriteTimes Ours, WriteTimes Limit)> RoundAsync(Bench bench, int events)
    {
        var count = (bench.Options.Rows ?? Transactions) / Turns;
        await using var oursTarget = await bench.NewTargetAsync();
        await using var limitTarget = await bench.NewTargetAsync();
        await using var ours = SideProcess.Start(SideKind.Bus);
        await using var limit = SideProcess.Start(SideKind.Inserts);
        await ours.StartAsync(oursTarget.ForSide with { Relays = false });
        await limit.StartAsync(limitTarget.ForSide);

        var alone = new SideWork { Count = count, Events = events };
        var several = alone with { Count = count * 2, Writers = Writers };
        List<WriteTimes> us = [], them = [];
        // Connections and compiled code.
        await ours.RunAsync(several with { Count = several.Count * 3 });
        await limit.RunAsync(several with { Count = several.Count * 3 });
        for (var turn = 0; turn < Turns; turn++)
        {
            us.Add(await TurnAsync(ours, alone, several));
            them.Add(await TurnAsync(limit, alone, several));
        }

        await ours.StopAsync();
        await limit.StopAsync();
        return (Median(us), Median(them));
    }

    private static async Task<WriteTimes> TurnAsync(SideProcess side, SideWork alone, SideWork several)
    {
        var single = await side.RunAsync(alone);
        var busy = await side.RunAsync(several);
        return new WriteTimes(single.MedianMicroseconds, busy.Seconds * 1e6 / several.Count);
    }

    private static WriteTimes Median(List<WriteTimes> times) =>
        new(Statistics.Median([.. times.Select(t => t.Single)]), Statistics.Median([.. times.Select(t => t.Busy)]));
}
