namespace Cuckoo.EventBus;

/// <summary>A record that a consumer gave up, in the table of dead letters.</summary>
public sealed record DeadLetterEntry
{
    /// <summary>Its row. A record that is replayed and dies again gets another one.</summary>
    public required long Id { get; init; }

    /// <summary>The consumer group.</summary>
    public required string Group { get; init; }

    /// <summary>The consumer that gave it up.</summary>
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

    /// <summary>How often the consumer tried, since the last replay.</summary>
    public required int Attempts { get; init; }

    /// <summary>When the first of these attempts failed.</summary>
    public required DateTimeOffset FirstFailedAt { get; init; }

    /// <summary>When the last one failed.</summary>
    public required DateTimeOffset LastFailedAt { get; init; }

    /// <summary>How often it was replayed before it died this time.</summary>
    public required int ReplayCount { get; init; }

    /// <summary>When it became a dead letter.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The full name of the last failure's type.</summary>
    public required string ExceptionType { get; init; }

    /// <summary>What the last failure said, cut at 2000 characters.</summary>
    public required string ExceptionMessage { get; init; }

    /// <summary>The trace that it belongs to, 32 hexadecimal digits; <see langword="null"/> for none.</summary>
    public required string? TraceId { get; init; }

    /// <summary>Bytes of the value; <see langword="null"/> for a record without one (a tombstone).</summary>
    public required long? PayloadBytes { get; init; }

    /// <summary>The last failure with its stack, cut at 8000 characters; only from <see cref="IDeadLetterAdministration.FindAsync"/>.</summary>
    public string? ExceptionStack { get; init; }

    /// <summary>The record's headers; only from <see cref="IDeadLetterAdministration.FindAsync"/>.</summary>
    public EventHeaders? Headers { get; init; }

    /// <summary>The bytes of the key; only from <see cref="IDeadLetterAdministration.FindAsync"/>.</summary>
    public ReadOnlyMemory<byte>? KeyBytes { get; init; }

    /// <summary>The value; only from <see cref="IDeadLetterAdministration.FindAsync"/>.</summary>
    public ReadOnlyMemory<byte>? Payload { get; init; }
}
