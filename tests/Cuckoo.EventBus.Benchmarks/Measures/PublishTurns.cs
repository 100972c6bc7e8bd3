using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>
/// Publishers that all run, and of which one works at a time, in many short turns: a broker whose code is still being compiled, or a
/// neighbour on the machine, meets them all.
/// </summary>
internal static class PublishTurns
{
    private const int WarmUpEvents = 100_000;
    private const int Turns = 10;

    /// <param name="publishers">What runs, and where.</param>
    /// <param name="events">How many events each publishes.</param>
    /// <param name="hasRequestEach">Whether each event belongs to a trace of its own.</param>
    /// <returns>What an event costs each.</returns>
    public static async Task<IReadOnlyList<PublishCost>> RunAsync(IReadOnlyList<(SideKind Kind, SideTarget Target)> publishers, int events, bool hasRequestEach = false)
    {
        var work = new SideWork { Count = Math.Max(1, events / Turns), HasRequestEach = hasRequestEach };
        var results = publishers.Select(_ => new List<SideResult>()).ToList();
        List<SideProcess> sides = [.. publishers.Select(publisher => SideProcess.Start(publisher.Kind))];
        try
        {
            for (var i = 0; i < sides.Count; i++)
            {
                await sides[i].StartAsync(publishers[i].Target);
                await sides[i].RunAsync(work with { Count = Math.Min(WarmUpEvents, events) });
            }

            for (var turn = 0; turn < Turns; turn++)
            {
                for (var i = 0; i < sides.Count; i++)
                {
                    // Who begins changes: each follows every other.
                    var side = (turn + i) % sides.Count;
                    results[side].Add(await sides[side].RunAsync(work));
                }
            }

            foreach (var side in sides)
            {
                await side.StopAsync();
            }
        }
        finally
        {
            foreach (var side in sides)
            {
                await side.DisposeAsync();
            }
        }

        return [.. results.Select(turns => PublishCost.Of(turns, work.Count * Turns))];
    }
}
