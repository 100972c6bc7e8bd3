using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// One partition for as long as this process has it; the same partition assigned again is another object. Invariants: no
/// work of it begins after <see cref="StopFeeding"/>, and no position moves after <see cref="GiveUp"/>. Safe for concurrent use.
/// </summary>
#pragma warning disable CA1001 // Handlers that outlive the assignment hold its token; without a timer its source holds nothing to free.
internal sealed class PartitionAssignment(PartitionId id)
#pragma warning restore CA1001
{
    private readonly object _lock = new();
    private readonly PartitionProgress _progress = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly TaskCompletionSource _isReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PartitionPosition? _taken;
    private int _running;

    public PartitionId Id => id;

    public Lease Lease => new(_ending.Token, _ended.Token);

    /// <summary>The keys whose records are not run but parked.</summary>
    public ParkedKeys Parked { get; } = new();

    /// <summary>Completes when the parked keys are known: no record is handled before. Cancelled when the partition is given up first.</summary>
    public Task Ready => _isReady.Task;

    /// <summary>How many delivered records the position has not passed.</summary>
    public int Unsettled
    {
        get
        {
            lock (_lock)
            {
                return _progress.Unsettled;
            }
        }
    }

    public AssignmentProgress Progress
    {
        get
        {
            lock (_lock)
            {
                var oldest = _progress.Oldest;
                return new AssignmentProgress(_progress.Position?.NextOffset, _progress.Finished, _progress.Unsettled, oldest?.Offset, oldest?.Timestamp);
            }
        }
    }

    /// <param name="record">A record of the partition; called in the order of its records.</param>
    /// <param name="typeName">Its type's name.</param>
    /// <param name="type">Its type, if it is known.</param>
    /// <param name="lanes">How many lanes will have it.</param>
    public Delivery Deliver(IncomingRecord record, string typeName, EventType? type, int lanes)
    {
        lock (_lock)
        {
            return new Delivery(record, typeName, type, lanes, this, _progress.Deliver(record.Offset, record.LeaderEpoch, record.Timestamp));
        }
    }

    /// <summary>Whether a delivered record may still begin; if so, an <c>End</c> must follow.</summary>
    public bool TryBegin()
    {
        lock (_lock)
        {
            if (_ending.IsCancellationRequested)
            {
                return false;
            }

            _running++;
            return true;
        }
    }

    public void BecomeReady() => _isReady.TrySetResult();

    /// <summary>Something else than a record of the topic has ended.</summary>
    public void End()
    {
        lock (_lock)
        {
            _running--;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>The outcome of a record that began is durable, in one of the lanes that have it.</summary>
    public void Finish(Delivery delivery)
    {
        lock (_lock)
        {
            if (delivery.Finish() && !_ended.IsCancellationRequested)
            {
                _progress.Finish(delivery.Mark);
            }
        }
    }

    /// <param name="delivery">A record that began.</param>
    /// <param name="isFinished">Whether its outcome is durable.</param>
    public void End(Delivery delivery, bool isFinished)
    {
        lock (_lock)
        {
            if (isFinished)
            {
                Finish(delivery);
            }

            _running--;
            Monitor.PulseAll(_lock);
        }
    }

    public void StopFeeding()
    {
        lock (_lock)
        {
            Cancel(_ending);
            _isReady.TrySetCanceled();
        }
    }

    /// <summary>Blocks, for the thread that polls, until no record runs or the time is over. The clock is the machine's.</summary>
    public void WaitUntilIdle(TimeSpan limit, CancellationToken giveUp)
    {
        using var wake = giveUp.UnsafeRegister(static assignment => ((PartitionAssignment)assignment!).Pulse(), this);
        var until = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (_lock)
        {
            for (var left = until - Environment.TickCount64; _running > 0 && left > 0 && !giveUp.IsCancellationRequested; left = until - Environment.TickCount64)
            {
                Monitor.Wait(_lock, TimeSpan.FromMilliseconds(left));
            }
        }
    }

    /// <summary>The position to store, if it moved since the last call.</summary>
    public PartitionPosition? TakePosition()
    {
        lock (_lock)
        {
            if (_progress.Position == _taken)
            {
                return null;
            }

            return _taken = _progress.Position;
        }
    }

    public void GiveUp()
    {
        lock (_lock)
        {
            Cancel(_ending);
            Cancel(_ended);
            _isReady.TrySetCanceled();
        }
    }

    // Takes effect at once, but runs what handlers registered on another thread: it is not for the polling one to wait for, and
    // what they throw there is nobody's outcome.
    private static void Cancel(CancellationTokenSource source) => _ = source.CancelAsync();

    private void Pulse()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }
}
