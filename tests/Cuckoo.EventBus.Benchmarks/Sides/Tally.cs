using System.Collections.Concurrent;
using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Sample;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>Counts what a side has handled, alike on every side, and what that took. Safe for concurrent use.</summary>
internal sealed class Tally(Consumption consumption)
{
    /// <summary>
    /// The first and the last twentieth are not measured: there a client still fetches for the first time, and workers run out
    /// of records one after the other.
    /// </summary>
    private const int Margin = 20;

    private readonly int _total = consumption.Count;
    private readonly int _from = Math.Max(1, consumption.Count / Margin);
    private readonly int _to = consumption.Count - (consumption.Count / Margin);
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<double> _latencies = new();
    private Moment _first, _begin, _end, _last;
    private long _busy;
    private long _hotBusy;
    private int _count;

    /// <summary>An event's handler is done.</summary>
    public void Add(BenchEvent e)
    {
        if (consumption.LatencyFrom <= e.Number)
        {
            _latencies.Enqueue((DateTimeOffset.UtcNow - e.OccurredAt).TotalMilliseconds);
        }

        Count(Interlocked.Increment(ref _count));
    }

    /// <summary>The same of one that waited.</summary>
    public void Add(BenchEvent e, TimeSpan took)
    {
        Interlocked.Add(ref _busy, took.Ticks);
        if (e.Key == BenchEvent.HotKey)
        {
            Interlocked.Add(ref _hotBusy, took.Ticks);
        }

        Add(e);
    }

    /// <summary>When all are handled.</summary>
    public async Task<SideResult> ResultAsync()
    {
        await _done.Task;
        return new SideResult
        {
            Pieces = _to - _from,
            Seconds = Stopwatch.GetElapsedTime(_begin.At, _end.At).TotalSeconds,
            AllocatedBytes = _end.Allocated - _begin.Allocated,
            ProcessorSeconds = (_end.Processor - _begin.Processor).TotalSeconds,
            AllSeconds = Stopwatch.GetElapsedTime(_first.At, _last.At).TotalSeconds,
            BusySeconds = TimeSpan.FromTicks(_busy).TotalSeconds,
            HotBusySeconds = TimeSpan.FromTicks(_hotBusy).TotalSeconds,
            Latencies = [.. _latencies],
        };
    }

    private void Count(int number)
    {
        if (number == 1)
        {
            _first = Moment.Now();
        }

        if (number == _from)
        {
            _begin = Moment.Now();
        }

        if (number == _to)
        {
            _end = Moment.Now();
        }

        if (number == _total)
        {
            _last = Moment.Now();
            _done.SetResult();
        }
    }

    private readonly record struct Moment(long At, long Allocated, TimeSpan Processor)
    {
        public static Moment Now() => new(Stopwatch.GetTimestamp(), GC.GetTotalAllocatedBytes(), Environment.CpuUsage.TotalTime);
    }
}
