namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>One effect: says that a consumer handled an event, in the transaction that did it. Nothing keeps it from being there twice.</summary>
internal sealed class Applied
{
    public long Id { get; set; }

    public required string Consumer { get; init; }

    public required Guid EventId { get; init; }

    /// <summary>The record's key.</summary>
    public string? Key { get; init; }

    /// <summary>Counts the consumer's effects on the key; given out under a lock that the transaction holds until it commits.</summary>
    public long? Ordinal { get; init; }

    public required int KafkaPartition { get; init; }

    public required long KafkaOffset { get; init; }

    public required int Attempt { get; init; }

    /// <summary>The id of the event that was published with it.</summary>
    public required Guid AnswerId { get; init; }

    public required string Worker { get; init; }

    public required DateTime At { get; init; }
}
