using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>Tells this process's relays that rows are committed. Safe for concurrent use, never blocks.</summary>
internal sealed class OutboxSignals
{
    /// <summary>Called with the database and the lanes that have new rows.</summary>
    public event Action<EventBusDatabase, IReadOnlySet<short>>? Committed;

    public void Raise(EventBusDatabase database, IReadOnlySet<short> lanes)
    {
        if (lanes.Count > 0)
        {
            Committed?.Invoke(database, lanes);
        }
    }
}
