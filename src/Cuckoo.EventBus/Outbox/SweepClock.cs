namespace Cuckoo.EventBus.Outbox;

/// <summary>The pause between two sweeps, which an event that is due earlier shortens. Safe for concurrent use.</summary>
internal sealed class SweepClock(TimeProvider time)
{
    /// <summary>
    /// Added to a time that is ours, not the database's: a sweep just too early would leave the event to the next one.
    /// </summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(5);

    private readonly Lock _lock = new();
    private CancellationTokenSource? _pause;
    private long _wakeAt = long.MaxValue;

    /// <summary>Sweep no later than so long from now.</summary>
    public void WakeIn(TimeSpan delay)
    {
        lock (_lock)
        {
            var at = time.GetTimestamp() + (long)((delay > TimeSpan.Zero ? delay + Margin : Margin).TotalSeconds * time.TimestampFrequency);
            if (at < _wakeAt)
            {
                _wakeAt = at;
                // The loop takes the shorter pause instead.
                _pause?.Cancel();
            }
        }
    }

    /// <summary>Ends after the interval, earlier if <see cref="WakeIn"/> says so, at once at the stop. Never throws.</summary>
    public async Task WaitAsync(TimeSpan interval, CancellationToken ct)
    {
        var started = time.GetTimestamp();
        while (!ct.IsCancellationRequested)
        {
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(ct);
            TimeSpan left;
            lock (_lock)
            {
                var untilEvent = _wakeAt == long.MaxValue ? TimeSpan.MaxValue : time.GetElapsedTime(time.GetTimestamp(), _wakeAt);
                var untilSweep = interval - time.GetElapsedTime(started);
                left = untilEvent < untilSweep ? untilEvent : untilSweep;
                if (left <= TimeSpan.Zero)
                {
                    _wakeAt = untilEvent <= TimeSpan.Zero ? long.MaxValue : _wakeAt;
                    return;
                }

                _pause = pause;
            }

            await Task.Delay(left, time, pause.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_lock)
            {
                _pause = null;
            }
        }
    }
}
