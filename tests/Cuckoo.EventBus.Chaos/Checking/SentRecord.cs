namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>One record as it stands in Kafka.</summary>
/// <param name="Id">The event's id.</param>
/// <param name="Key">The record's key, if it has one.</param>
/// <param name="Number">The number in its value, if the event has an order to keep.</param>
/// <param name="Partition">Where it stands.</param>
/// <param name="Offset">Where in the partition.</param>
/// <param name="At">When it was handed to the producer.</param>
internal sealed record SentRecord(Guid Id, string? Key, long? Number, int Partition, long Offset, DateTimeOffset At)
{
    /// <summary>What the record is a dead letter of: the original's id, and the consumer that gave it up.</summary>
    public (Guid Id, string Consumer)? DeadLetterOf { get; init; }
}
