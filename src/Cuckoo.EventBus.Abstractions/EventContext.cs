using System.Diagnostics;

namespace Cuckoo.EventBus;

/// <summary>Where an event comes from and how often it was tried. A consumer's unit test can create one.</summary>
/// <remarks>Immutable but for <see cref="Headers"/>, which nobody should change; safe to read from several threads.</remarks>
public sealed record EventContext
{
    /// <summary>
    /// The event's identity: CloudEvents <c>id</c>. Of a record without one: its topic, partition, offset and a hash of its
    /// timestamp, key and value (offsets repeat when a topic is created again).
    /// </summary>
    public string EventId { get; init; } = "";

    /// <summary>The event type's name on the wire: CloudEvents <c>type</c>, or the topic's default type.</summary>
    public string EventType { get; init; } = "";

    /// <summary>Who published it: CloudEvents <c>source</c>, the publishing service's name. Without one: the topic.</summary>
    public string Source { get; init; } = "";

    /// <summary>The record's key as text; <see langword="null"/> without one. Bytes that are not UTF-8 become U+FFFD.</summary>
    public string? Key { get; init; }

    /// <summary>The record's key as it came; <see langword="null"/> without one.</summary>
    public ReadOnlyMemory<byte>? KeyBytes { get; init; }

    /// <summary>The topic it was read from, with the configured prefix.</summary>
    public string Topic { get; init; } = "";

    /// <summary>The topic's partition.</summary>
    public int Partition { get; init; }

    /// <summary>The record's offset in the partition.</summary>
    public long Offset { get; init; }

    /// <summary>The record's timestamp, as the topic defines it: of creation (the default) or of append.</summary>
    public DateTimeOffset Timestamp { get; init; }

    /// <summary>All headers of the record, the bus's own included.</summary>
    public EventHeaders Headers { get; init; } = [];

    /// <summary>Which attempt of this consumer this is, from 1. Attempts of a parked event go on counting, also across restarts.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>How often a person had the event handled again after it was a dead letter.</summary>
    public int ReplayCount { get; init; }

    /// <summary>The consumer's registered name.</summary>
    public string Consumer { get; init; } = "";

    /// <summary>The consumer group.</summary>
    public string Group { get; init; } = "";

    /// <summary>The trace the event belongs to (W3C Trace Context), <c>default</c> where its publisher sent none.</summary>
    public ActivityContext Trace { get; init; }
}
