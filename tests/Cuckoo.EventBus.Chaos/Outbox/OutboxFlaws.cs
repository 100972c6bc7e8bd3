namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>Relays that people write, and that a run must see through.</summary>
internal static class OutboxFlaws
{
    /// <summary>Goes on behind the last id it read: rows that commit late with a lower id are passed by.</summary>
    public const string Cursor = "cursor";

    /// <summary>Deletes before Kafka has acknowledged.</summary>
    public const string EarlyDelete = "early-delete";

    /// <summary>Any number of loops take any rows: those of one key overtake each other.</summary>
    public const string NoClaim = "no-claim";

    /// <summary>Only one of them needs a kill at the right moment.</summary>
    public static IReadOnlyList<Flaw> All { get; } = [new(Cursor) { Kills = 2 }, new(EarlyDelete) { Kills = 7 }, new(NoClaim) { Kills = 2 }];
}
