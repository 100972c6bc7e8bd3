namespace Cuckoo.EventBus;

/// <summary>What the bus knows of a topic and, with <see cref="EventBusOptions.EnsureTopics"/>, creates it with.</summary>
/// <remarks>An unset value is that of <see cref="EventBusOptions.TopicDefaults"/>, and unset there too, the one named here.</remarks>
public sealed class TopicOptions
{
    /// <summary>Partitions to create the topic with. Default: 3. Existing topics are never changed.</summary>
    public int? Partitions { get; set; }

    /// <summary>Replicas of each partition. Default: the broker's <c>default.replication.factor</c>.</summary>
    public short? ReplicationFactor { get; set; }

    /// <summary>In-sync replicas without which a write is refused. Default: the broker's <c>min.insync.replicas</c>.</summary>
    public short? MinInSyncReplicas { get; set; }

    /// <summary>How long records are kept. Default: 7 days, 30 for the dead letters' topic.</summary>
    public TimeSpan? Retention { get; set; }

    /// <summary>
    /// The largest record, in bytes: publishing a larger one is refused at the call. Default: 1,000,000, which fits Kafka's
    /// own <c>max.message.bytes</c> of 1,048,588 with headers.
    /// </summary>
    public int? MaxMessageBytes { get; set; }

    /// <summary>What becomes of records of an event type that no consumer here knows. Default: <see cref="UnknownEventTypes.Skip"/>.</summary>
    public UnknownEventTypes? UnknownTypes { get; set; }
}
