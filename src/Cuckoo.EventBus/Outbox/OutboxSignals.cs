using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>Tells this process's relays that rows are committed. Safe for concurrent use, never blocks.</summary>
internal sealed class OutboxSignals
{
    /// <summary>Called with the database, the lanes that have new rows, and when the first delayed one is due.</summary>
    public event Action<EventBusDatabase, IReadOnlySet<short>, DateTimeOffset?>? Committed;

    public void Raise(EventBusDatabase database, IReadOnlySet<short> lanes, DateTimeOffset? due)
    {
        if (lanes.Count > 0 || due is not null)
        {
            Committed?.Invoke(database, lanes, due);
        }
    }
}
