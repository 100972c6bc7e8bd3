using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>The lanes that one transaction has written rows of, by whichever contexts: signalled when it commits.</summary>
internal sealed class WrittenLanes
{
    private readonly Dictionary<EventBusDatabase, HashSet<short>> _lanes = [];

    public void Add(EventBusDatabase database, IReadOnlySet<short> lanes)
    {
        if (!_lanes.TryGetValue(database, out var known))
        {
            _lanes[database] = known = [];
        }

        known.UnionWith(lanes);
    }

    public void Signal(OutboxSignals signals)
    {
        foreach (var (database, lanes) in _lanes)
        {
            signals.Raise(database, lanes);
        }
    }
}
