namespace Cuckoo.EventBus;

/// <summary>One event in the outbox.</summary>
public sealed record OutboxEntry
{
    /// <summary>Its row. A requeued event gets another one.</summary>
    public required long Id { get; init; }

    /// <summary>Where it stands.</summary>
    public required OutboxEntryState State { get; init; }

    /// <summary>The topic, with the prefix.</summary>
    public required string Topic { get; init; }

    /// <summary>The partition key; <see langword="null"/> for an event without one. Bytes that are not UTF-8 become U+FFFD.</summary>
    public required string? Key { get; init; }

    /// <summary>The event's identity.</summary>
    public required string EventId { get; init; }

    /// <summary>The event's name on the wire.</summary>
    public required string EventType { get; init; }

    /// <summary>When it was published, by the publisher's clock.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it is due, where it waits for a time.</summary>
    public required DateTimeOffset? DueAt { get; init; }

    /// <summary>How often the broker rejected it.</summary>
    public required int Attempts { get; init; }

    /// <summary>What the broker said last.</summary>
    public required string? LastError { get; init; }

    /// <summary>Bytes of the value.</summary>
    public required long PayloadBytes { get; init; }

    /// <summary>The headers; only from <see cref="IOutboxAdministration.FindAsync"/>.</summary>
    public EventHeaders? Headers { get; init; }

    /// <summary>The value; only from <see cref="IOutboxAdministration.FindAsync"/>.</summary>
    public ReadOnlyMemory<byte>? Payload { get; init; }
}
