using System.Diagnostics;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>So many pieces of work, as fast as some writers go.</summary>
internal static class ClosedLoop
{
    public static async Task<SideResult> RunAsync(SideWork work, Func<Task> piece)
    {
        var times = new double[work.Count];
        var next = -1;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, work.Writers).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < times.Length; i = Interlocked.Increment(ref next))
            {
                var begun = Stopwatch.GetTimestamp();
                await piece();
                times[i] = Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
            }
        })));
        var seconds = clock.Elapsed.TotalSeconds;
        return new SideResult { Seconds = seconds, MedianMicroseconds = Harness.Statistics.Median(times) };
    }
}
