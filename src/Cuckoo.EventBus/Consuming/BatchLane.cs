namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// One partition's records at one consumer of batches. Invariant: it runs one batch at a time, or the parked records of one key, and
/// takes its records in the order added. Records are added by one thread, parked ones by any.
/// </summary>
/// <param name="size">The most records of a batch.</param>
/// <param name="wait">How long a batch waits after its first record to be full.</param>
/// <param name="runBatch">Runs records of one assignment to their end; does not throw.</param>
/// <param name="runParked">Runs parked records; does not throw.</param>
/// <param name="time">The clock.</param>
internal sealed class BatchLane(
    int size, TimeSpan wait, Func<IReadOnlyList<BatchRecord>, Task> runBatch, Func<ParkedWork, Task> runParked, TimeProvider time) : IThreadPoolWorkItem
{
    /// <summary>What a timer takes at most is some weeks; then it looks again.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private readonly Queue<BatchRecord> _records = new();
    private readonly Queue<ParkedWork> _parked = new();
    private TaskCompletionSource? _asleep;
    private bool _isRunning;
    private bool _isBatchesTurn;

    public void Add(BatchRecord record)
    {
        lock (_lock)
        {
            _records.Enqueue(record);
            Wake(_records.Count >= size);
        }
    }

    public void Add(ParkedWork work)
    {
        lock (_lock)
        {
            _parked.Enqueue(work);
            Wake(isWorth: true);
        }
    }

    public void Execute() => _ = RunAsync();

    private async Task RunAsync()
    {
        while (Next() is var (batch, parked, sleep) && (batch is not null || parked is not null || sleep is not null))
        {
            if (parked is not null)
            {
                await runParked(parked).ConfigureAwait(false);
            }
            else if (batch is not null)
            {
                await runBatch(batch).ConfigureAwait(false);
            }
            else
            {
                await sleep!.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>What is to be done next; nothing when the lane is empty.</summary>
    private (IReadOnlyList<BatchRecord>? Batch, ParkedWork? Parked, Task? Sleep) Next()
    {
        lock (_lock)
        {
            _asleep = null;
            var left = LeftToWait();
            var isReady = left <= TimeSpan.Zero;
            // By turns, so that neither a long row of parked records nor a backlog holds the other up.
            if (_parked.Count > 0 && !(isReady && _isBatchesTurn))
            {
                _isBatchesTurn = true;
                return (null, _parked.Dequeue(), null);
            }

            _isBatchesTurn = false;
            if (isReady)
            {
                return (Take(), null, null);
            }

            if (_records.Count == 0)
            {
                _isRunning = false;
                return default;
            }

            _asleep = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return (null, null, _asleep.Task.WaitAsync(left < LongestSleep ? left : LongestSleep, time, First.Assignment.Lease.Ending));
        }
    }

    private Delivery First => _records.Peek().Delivery;

    private TimeSpan LeftToWait()
    {
        if (_records.Count == 0)
        {
            return TimeSpan.MaxValue;
        }

        // What is given up is out of the way at once.
        return _records.Count >= size || First.Assignment.Lease.Ending.IsCancellationRequested
            ? TimeSpan.Zero
            : wait - time.GetElapsedTime(_records.Peek().Arrived);
    }

    /// <summary>Records of one assignment: when it is given up and the partition comes back, those of the new one are another batch.</summary>
    private List<BatchRecord> Take()
    {
        var batch = new List<BatchRecord>(Math.Min(size, _records.Count));
        var assignment = First.Assignment;
        while (batch.Count < size && _records.TryPeek(out var next) && next.Delivery.Assignment == assignment)
        {
            batch.Add(_records.Dequeue());
        }

        return batch;
    }

    /// <param name="isWorth">Whether there is something to do at once, should the lane be asleep.</param>
    private void Wake(bool isWorth)
    {
        if (!_isRunning)
        {
            _isRunning = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else if (isWorth)
        {
            _asleep?.TrySetResult();
        }
    }
}
