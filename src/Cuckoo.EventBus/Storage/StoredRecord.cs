namespace Cuckoo.EventBus.Storage;

/// <summary>A consumed record as a table keeps it, byte for byte, with the consumer it failed at.</summary>
internal abstract class StoredRecord
{
    public long Id { get; set; }

    public required string ConsumerGroup { get; set; }

    public required string Consumer { get; set; }

    public required string Source { get; set; }

    public required string EventId { get; set; }

    public required string Type { get; set; }

    public required string Topic { get; set; }

    public int KafkaPartition { get; set; }

    public long KafkaOffset { get; set; }

    public DateTime RecordTimestamp { get; set; }

    public byte[]? Key { get; set; }

    /// <summary>As <see cref="Wire.HeaderBlock"/> writes them.</summary>
    public required byte[] Headers { get; set; }

    public byte[]? Payload { get; set; }

    public int Attempts { get; set; }

    public DateTime FirstFailedAt { get; set; }

    public DateTime LastFailedAt { get; set; }

    public int ReplayCount { get; set; }

    public DateTime CreatedAt { get; set; }
}
