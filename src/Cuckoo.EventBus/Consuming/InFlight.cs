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

    public bool IsFull
    {
        get
        {
            lock (_lock)
            {
                return _records >= maxRecords || _bytes >= maxBytes;
            }
        }
    }

    public int Records
    {
        get
        {
            lock (_lock)
            {
                return _records;
            }
        }
    }

    private bool HasRoom => _records <= maxRecords / 2 && _bytes <= maxBytes / 2;

    public void Add(int bytes)
    {
        lock (_lock)
        {
            _records++;
            _bytes += bytes;
        }
    }

    public void Remove(int bytes)
    {
        lock (_lock)
        {
            _records--;
            _bytes -= bytes;
            if (HasRoom)
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
            return HasRoom || (Monitor.Wait(_lock, limit) && HasRoom);
        }
    }
}
