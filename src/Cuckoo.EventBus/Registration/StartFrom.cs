namespace Cuckoo.EventBus;

/// <summary>
/// Where a consumer group starts at a topic of which it has no committed offset. It starts there once: of partitions that are added
/// later, and where offsets that it committed are no longer there (<c>retention.ms</c>), it reads all there is.
/// </summary>
public enum StartFrom
{
    /// <summary>At the oldest record that the topic still has: a new service misses nothing. The default.</summary>
    Earliest,

    /// <summary>
    /// At the records that come from now on. The ends of all partitions are committed when the first member is given one, so what comes
    /// while the group is away is read too (with librdkafka's <c>auto.offset.reset=latest</c> it would not be, where a partition had no
    /// record before).
    /// </summary>
    Latest,
}
