namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>Says that an event was published, in the transaction that did it: commits with it, or vanishes with it.</summary>
internal sealed class Witness
{
    /// <summary>The event's.</summary>
    public required Guid Id { get; init; }

    public string? Key { get; init; }

    public long? Number { get; init; }

    public required string Worker { get; init; }

    public required DateTime At { get; init; }
}
