using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// What every attempt of one consumer passes before it begins: so many at a time, and none while there is a reason to pause.
/// Who waits here holds no slot and is charged nothing, and leaves when its token is cancelled because its partition is given
/// up. Safe for concurrent use.
/// </summary>
#pragma warning disable CA1001 // It lives as long as the service, and without a wait handle the semaphore holds nothing to free.
internal sealed class ConsumerGate(string consumer, int concurrency, TimeProvider time, ILogger<ConsumerGate> logger)
#pragma warning restore CA1001
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _slots = new(concurrency);
    private readonly Dictionary<PauseReason, TimedPause> _pauses = [];
    private TaskCompletionSource _changed = NewSignal();

    public string Consumer => consumer;

    /// <summary>How many attempts run now.</summary>
    public int Running => concurrency - _slots.CurrentCount;

    /// <summary>Whether the next attempt has to wait for the end of one that runs.</summary>
    public bool IsFull => _slots.CurrentCount == 0;

    public bool IsPaused
    {
        get
        {
            lock (_lock)
            {
                return _pauses.Count > 0;
            }
        }
    }

    /// <summary>Why it is paused, the longest reason first; empty while it is not.</summary>
    public IReadOnlyList<ConsumerPause> Pauses
    {
        get
        {
            lock (_lock)
            {
                return [.. _pauses.Values.Select(pause => pause.Pause).OrderBy(pause => pause.Since)];
            }
        }
    }

    /// <summary>Waits until the consumer is not paused and has a slot.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<GatePass> EnterAsync(CancellationToken ct)
    {
        while (true)
        {
            if (!TryPass(out var isTrial, out var changed))
            {
                await changed.WaitAsync(ct).ConfigureAwait(false);
                continue;
            }

            try
            {
                await _slots.WaitAsync(ct).ConfigureAwait(false);
            }
            catch
            {
                GiveBackTrial(isTrial);
                throw;
            }

            // It may have been paused while this one stood in the queue for a slot.
            if (MayBegin(isTrial))
            {
                return new GatePass(this, isTrial);
            }

            Leave(isTrial);
        }
    }

    /// <summary>Pauses for a reason, or lengthens the pause that there is for it.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="detail">What happened, for a person.</param>
    /// <param name="length">How long; <see langword="null"/> until <see cref="Resume"/>.</param>
    /// <param name="thenTry">Whether after that time only one attempt may begin, and what it shows decides.</param>
    /// <param name="cause">For the log.</param>
    public void Pause(PauseReason reason, string detail, TimeSpan? length = null, bool thenTry = false, Exception? cause = null)
    {
        bool isNew;
        lock (_lock)
        {
            isNew = !_pauses.Remove(reason, out var earlier);
            earlier?.Timer?.Dispose();
            var now = time.GetUtcNow();
            var pause = new TimedPause(new ConsumerPause(reason, detail, earlier?.Pause.Since ?? now, length is { } l ? now + l : null), thenTry);
            if (length is { } due)
            {
                pause.Timer = time.CreateTimer(_ => TimeIsOver(pause), null, Shorter(due), Timeout.InfiniteTimeSpan);
            }

            _pauses[reason] = pause;
        }

        if (isNew)
        {
            RetryingLog.Paused(logger, cause, consumer, reason, detail);
        }
    }

    /// <summary>Ends the pause for a reason.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Resume(PauseReason reason)
    {
        TimedPause? ended;
        lock (_lock)
        {
            if (!_pauses.Remove(reason, out ended))
            {
                return false;
            }

            ended.Timer?.Dispose();
            Signal();
        }

        RetryingLog.Resumed(logger, consumer, reason, time.GetUtcNow() - ended.Pause.Since);
        return true;
    }

    internal void Leave(bool isTrial)
    {
        GiveBackTrial(isTrial);
        _slots.Release();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // What a timer takes at most is some weeks; it is set again then.
    private static TimeSpan Shorter(TimeSpan length) => length < TimeSpan.FromDays(1) ? length : TimeSpan.FromDays(1);

    private bool TryPass(out bool isTrial, out Task changed)
    {
        lock (_lock)
        {
            changed = _changed.Task;
            isTrial = _pauses.Count == 1 && _pauses.Values.Single().TakeTrial();
            return isTrial || _pauses.Count == 0;
        }
    }

    private bool MayBegin(bool isTrial)
    {
        lock (_lock)
        {
            return _pauses.Count == 0 || (isTrial && _pauses is { Count: 1 } && _pauses.ContainsKey(PauseReason.KillSwitch));
        }
    }

    /// <summary>A trial that showed nothing leaves the place to another one.</summary>
    private void GiveBackTrial(bool isTrial)
    {
        if (!isTrial)
        {
            return;
        }

        lock (_lock)
        {
            if (_pauses.TryGetValue(PauseReason.KillSwitch, out var pause) && pause.GiveBackTrial())
            {
                Signal();
            }
        }
    }

    private void TimeIsOver(TimedPause pause)
    {
        lock (_lock)
        {
            if (!_pauses.TryGetValue(pause.Pause.Reason, out var current) || current != pause)
            {
                return;
            }

            var left = pause.Pause.Until!.Value - time.GetUtcNow();
            if (left > TimeSpan.Zero)
            {
                pause.Timer!.Change(Shorter(left), Timeout.InfiniteTimeSpan);
                return;
            }

            if (pause.ThenTry)
            {
                pause.AllowTrial();
                Signal();
                return;
            }
        }

        Resume(pause.Pause.Reason);
    }

    private void Signal()
    {
        _changed.SetResult();
        _changed = NewSignal();
    }

    private sealed class TimedPause(ConsumerPause pause, bool thenTry)
    {
        private bool _mayTry;
        private bool _isTried;

        public ConsumerPause Pause => pause;

        public bool ThenTry => thenTry;

        public ITimer? Timer { get; set; }

        public void AllowTrial() => _mayTry = true;

        public bool TakeTrial()
        {
            var taken = _mayTry && !_isTried;
            _isTried |= taken;
            return taken;
        }

        public bool GiveBackTrial()
        {
            var given = _isTried;
            _isTried = false;
            return given;
        }
    }
}
