namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// What a group has read and not finished, so that slow handlers bound what is read instead of filling memory. Full at either
/// limit; there is room again at half of both, so that reading does not stop and start for every record. Safe for concurrent use.
/// </summary>
internal sealed class InFlight(int maxRecords, long maxBytes)
{
    /// <summary>As many as a few milliseconds of the fastest handlers.</summary>
    private const int Few = 1000;

    private const int None = -1;

    private static readonly TimeSpan CatchUp = TimeSpan.FromMilliseconds(1);

    private readonly object _lock = new();
    private int _records;
    private long _bytes;

    /// <summary>How many may be left when the thread that waits wants to know.</summary>
    private volatile int _awaited = None;

    public bool IsFull => Volatile.Read(ref _records) >= maxRecords || Volatile.Read(ref _bytes) >= maxBytes;

    public int Records => Volatile.Read(ref _records);

    private bool HasRoom => Volatile.Read(ref _records) <= maxRecords / 2 && Volatile.Read(ref _bytes) <= maxBytes / 2;

    public void Add(int bytes)
    {
        Interlocked.Increment(ref _records);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void Remove(int bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Decrement(ref _records);
        // The waiting thread says so before it looks, and this one looks after it has counted: one of the two sees the other.
        if (Volatile.Read(ref _records) <= _awaited)
        {
            lock (_lock)
            {
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Blocks, for the thread that polls, until there is room or the time is over.</summary>
    public bool WaitForRoom(TimeSpan limit)
    {
        Wait(maxRecords / 2, limit);
        return HasRoom;
    }

    /// <summary>
    /// Lets fast handlers catch up, for the thread that polls: records that are done when they are young cost the garbage
    /// collector half of what old ones do. With slow handlers there are soon many in flight all the same.
    /// </summary>
    public void WaitForFew()
    {
        if (Records > Few)
        {
            Wait(Few / 2, CatchUp);
        }
    }

    private void Wait(int records, TimeSpan limit)
    {
        lock (_lock)
        {
            _awaited = records;
            Interlocked.MemoryBarrier();
            if (Records > records || !HasRoom)
            {
                Monitor.Wait(_lock, limit);
            }

            _awaited = None;
        }
    }
}
