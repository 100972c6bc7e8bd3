namespace Cuckoo.EventBus.Chaos;

/// <summary>Relays that people write, and that a run must see through.</summary>
internal enum BrokenRelayKind
{
    /// <summary>Goes on behind the last id it read: rows that commit late with a lower id are passed by.</summary>
    Cursor,

    /// <summary>Deletes before Kafka has acknowledged.</summary>
    EarlyDelete,

    /// <summary>Any number of loops take any rows: those of one key overtake each other.</summary>
    NoClaim,
}
