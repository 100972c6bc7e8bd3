namespace Cuckoo.EventBus.Wire;

/// <summary>A record ready for its topic: what the outbox stores and the producer sends.</summary>
internal sealed record OutgoingRecord
{
    /// <summary>Kafka's own framing of a record with its headers, generously.</summary>
    private const int Overhead = 128;

    public required string EventId { get; init; }

    public required string EventType { get; init; }

    public required string Topic { get; init; }

    public required byte[]? Key { get; init; }

    /// <summary>All headers. Nobody changes them any more.</summary>
    public required EventHeaders Headers { get; init; }

    public required byte[]? Payload { get; init; }

    /// <summary>Not to be sent before; <see langword="null"/> is at once.</summary>
    public DateTimeOffset? DeliverAt { get; init; }

    /// <summary>About what the record takes on the wire.</summary>
    public int Size => Overhead + (Key?.Length ?? 0) + HeaderBlock.Size(Headers) + (Payload?.Length ?? 0);
}
