namespace Cuckoo.EventBus;

/// <summary>A record that a consumer has parked: it failed and is tried again later, or it waits behind such a one of its key.</summary>
public sealed record ParkedEntry
{
    /// <summary>Its row. Records of one key run in the order of their rows.</summary>
    public required long Id { get; init; }

    /// <summary>The consumer group.</summary>
    public required string Group { get; init; }

    /// <summary>The consumer that parked it.</summary>
    public required string Consumer { get; init; }

    /// <summary>The event's source, as the inbox knows it.</summary>
    public required string Source { get; init; }

    /// <summary>The event's identity, as the inbox knows it.</summary>
    public required string EventId { get; init; }

    /// <summary>The event's name on the wire; empty where it has none.</summary>
    public required string EventType { get; init; }

    /// <summary>The record's topic, with the prefix.</summary>
    public required string Topic { get; init; }

    /// <summary>The record's partition.</summary>
    public required int Partition { get; init; }

    /// <summary>The record's offset.</summary>
    public required long Offset { get; init; }

    /// <summary>The record's time stamp.</summary>
    public required DateTimeOffset Timestamp { get; init; }

    /// <summary>The record's key; <see langword="null"/> for one without. Bytes that are not UTF-8 become U+FFFD.</summary>
    public required string? Key { get; init; }

    /// <summary>How often the consumer tried; 0 for one that waits behind another.</summary>
    public required int Attempts { get; init; }

    /// <summary>When the first attempt failed; when it was parked, for one that was not tried.</summary>
    public required DateTimeOffset FirstFailedAt { get; init; }

    /// <summary>When the last attempt failed; when it was parked, for one that was not tried.</summary>
    public required DateTimeOffset LastFailedAt { get; init; }

    /// <summary>How often it was replayed from the dead letters.</summary>
    public required int ReplayCount { get; init; }

    /// <summary>When it was parked.</summary>
    public required DateTimeOffset ParkedAt { get; init; }

    /// <summary>When it is tried next; <see langword="null"/> for one that waits behind another.</summary>
    public required DateTimeOffset? DueAt { get; init; }

    /// <summary>What the last failure said; <see langword="null"/> for one that was not tried.</summary>
    public required string? LastError { get; init; }

    /// <summary>Whether it is the first parked one of its key, which the others wait for, or has no key.</summary>
    public required bool IsFirst { get; init; }

    /// <summary>How many wait for it, counted up to 10,000; <see langword="null"/> where it is not the first of its key.</summary>
    public required long? Behind { get; init; }

    /// <summary>Bytes of the value; <see langword="null"/> for a record without one (a tombstone).</summary>
    public required long? PayloadBytes { get; init; }

    /// <summary>The record's headers; only from <see cref="IParkedAdministration.FindAsync"/>.</summary>
    public EventHeaders? Headers { get; init; }

    /// <summary>The bytes of the key; only from <see cref="IParkedAdministration.FindAsync"/>.</summary>
    public ReadOnlyMemory<byte>? KeyBytes { get; init; }

    /// <summary>The value; only from <see cref="IParkedAdministration.FindAsync"/>.</summary>
    public ReadOnlyMemory<byte>? Payload { get; init; }
}
