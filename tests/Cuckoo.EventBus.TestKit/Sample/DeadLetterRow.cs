namespace Cuckoo.EventBus.TestKit.Sample;

/// <summary>A row of <c>dead_letters</c>, as anyone can read it with SQL.</summary>
public sealed class DeadLetterRow
{
    public long Id { get; init; }

    public required string ConsumerGroup { get; init; }

    public required string Consumer { get; init; }

    public required string Source { get; init; }

    public required string EventId { get; init; }

    public required string Type { get; init; }

    public required string Topic { get; init; }

    public int KafkaPartition { get; init; }

    public long KafkaOffset { get; init; }

    public byte[]? Key { get; init; }

    public required byte[] Headers { get; init; }

    public byte[]? Payload { get; init; }

    public int Attempts { get; init; }

    public DateTime FirstFailedAt { get; init; }

    public DateTime LastFailedAt { get; init; }

    public int ReplayCount { get; init; }

    public required string ExceptionType { get; init; }

    public required string ExceptionMessage { get; init; }

    public required string ExceptionStack { get; init; }

    public string? TraceId { get; init; }
}
