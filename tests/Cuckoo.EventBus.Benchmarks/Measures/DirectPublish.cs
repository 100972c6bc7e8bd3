using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>
/// Publishing without an outbox: a call and a task per event, against the raw producer with a handler. A round is many short
/// turns of two processes that both run: a broker whose code is still being compiled, or a neighbour on the machine, meets both.
/// </summary>
internal sealed class DirectPublish : IMeasure
{
    private const int Events = 1_000_000;
    private const int WarmUpEvents = 100_000;
    private const int Turns = 10;

    public string Name => "direct-publish";

    public string Description => "events per second without an outbox, and bytes allocated, against the raw producer";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var (ours, limit) = (new List<PublishCost>(), new List<PublishCost>());
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var (us, them) = await RoundAsync(bench, bench.Options.Rows ?? Events);
            Bench.Say($"round {round + 1}, ours: {us}; limit: {them}");
            ours.Add(us);
            limit.Add(them);
        }

        return
        [
            Line.Of(Name, Rounds.Of((ours, limit), r => r.Rate), "events/s", Goal.AtLeast(0.9)),
            Line.Of($"{Name}-bytes", Rounds.Of((ours, limit), r => r.Bytes), "B allocated per event", Goal.None),
        ];
    }

    private static async Task<(PublishCost Ours, PublishCost Limit)> RoundAsync(Bench bench, int events)
    {
        await using var target = await bench.NewTargetAsync();
        await using var ours = SideProcess.Start(SideKind.DirectPublisher);
        await using var limit = SideProcess.Start(SideKind.RawProducer);
        SideProcess[] sides = [ours, limit];
        foreach (var side in sides)
        {
            await side.StartAsync(target.ForSide);
            await side.RunAsync(new SideWork { Count = Math.Min(WarmUpEvents, events) });
        }

        var seconds = new double[sides.Length];
        var bytes = new long[sides.Length];
        for (var turn = 0; turn < Turns; turn++)
        {
            for (var i = 0; i < sides.Length; i++)
            {
                // Who begins changes: each follows the other as often as itself.
                var side = (turn + i) % sides.Length;
                var result = await sides[side].RunAsync(new SideWork { Count = Math.Max(1, events / Turns) });
                seconds[side] += result.Seconds;
                bytes[side] += result.AllocatedBytes;
            }
        }

        foreach (var side in sides)
        {
            await side.StopAsync();
        }

        return (Cost(0), Cost(1));

        PublishCost Cost(int side) => new(Math.Max(1, events / Turns) * Turns / seconds[side], (double)bytes[side] / (Math.Max(1, events / Turns) * Turns));
    }
}
