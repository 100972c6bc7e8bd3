using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>The lanes that one transaction has written rows of, by whichever contexts: signalled when it commits.</summary>
internal sealed class WrittenLanes
{
    private readonly Dictionary<EventBusDatabase, (HashSet<short> Lanes, DateTimeOffset? Due)> _lanes = [];

    public void Add(EventBusDatabase database, IReadOnlySet<short> lanes, DateTimeOffset? due)
    {
        var known = _lanes.TryGetValue(database, out var before) ? before : ([], null);
        known.Lanes.UnionWith(lanes);
        _lanes[database] = (known.Lanes, due < known.Due || known.Due is null ? due ?? known.Due : known.Due);
    }

    public void Signal(OutboxSignals signals)
    {
        foreach (var (database, (lanes, due)) in _lanes)
        {
            signals.Raise(database, lanes, due);
        }
    }
}
