namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// What a group has read and not finished, so that slow handlers bound what is read instead of filling memory. Full at either
/// limit; there is room again at half of both, so that reading does not stop and start for every record. Safe for concurrent use.
/// </summary>
internal sealed class InFlight(int maxRecords, long maxBytes)
{
    private readonly object _lock = new();
    private int _records;
    private long _bytes;
    private volatile bool _isAwaited;

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
        if (_isAwaited && HasRoom)
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
        lock (_lock)
        {
            _isAwaited = true;
            Interlocked.MemoryBarrier();
            var hasRoom = HasRoom || (Monitor.Wait(_lock, limit) && HasRoom);
            _isAwaited = false;
            return hasRoom;
        }
    }
}
