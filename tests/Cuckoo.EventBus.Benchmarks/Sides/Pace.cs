using System.Diagnostics;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>Begins transactions at a rate, as users do: whether or not those before are done.</summary>
internal static class Pace
{
    public static async Task<SideResult> RunAsync(SideWork work, Func<Task<Commit>> commit)
    {
        var turn = TimeSpan.FromSeconds(1 / work.PerSecond);
        var turns = (int)(work.PerSecond * work.Seconds);
        var running = new List<Task<Commit>>(turns);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < turns; i++)
        {
            // At random within its turn, so that nothing beats in time with anybody's own clock.
            var due = turn * (i + (work.IsJittered ? Random.Shared.NextDouble() : 0));
            if (due > clock.Elapsed)
            {
                await Task.Delay(due - clock.Elapsed);
            }

            running.Add(commit());
        }

        var commits = await Task.WhenAll(running);
        return new SideResult { Seconds = clock.Elapsed.TotalSeconds, Commits = commits };
    }
}
