namespace Cuckoo.EventBus.Testing;

/// <summary>
/// The requests that <see cref="EmbeddedKafka"/> answers, by the API keys of the Kafka protocol
/// (<see href="https://kafka.apache.org/protocol#protocol_api_keys"/>).
/// </summary>
public enum KafkaRequest
{
    /// <summary>Records from a producer.</summary>
    Produce = 0,

    /// <summary>Records for a consumer.</summary>
    Fetch = 1,

    /// <summary>First and last offset of partitions: what <c>auto.offset.reset</c> and watermark queries ask.</summary>
    ListOffsets = 2,

    /// <summary>Brokers, topics, partitions and their leaders.</summary>
    Metadata = 3,

    /// <summary>A group's commit of offsets.</summary>
    OffsetCommit = 8,

    /// <summary>A group's question for its committed offsets.</summary>
    OffsetFetch = 9,

    /// <summary>Which broker coordinates a group or a transactional producer.</summary>
    FindCoordinator = 10,

    /// <summary>A member joins a group of the classic protocol.</summary>
    JoinGroup = 11,

    /// <summary>A member of a classic group is alive.</summary>
    Heartbeat = 12,

    /// <summary>A member leaves a classic group.</summary>
    LeaveGroup = 13,

    /// <summary>A member of a classic group asks for its assignment.</summary>
    SyncGroup = 14,

    /// <summary>The first request on every connection: which requests the broker knows.</summary>
    ApiVersions = 18,

    /// <summary>An idempotent or transactional producer asks for its id.</summary>
    InitProducerId = 22,

    /// <summary>A consumer checks its position for truncation.</summary>
    OffsetForLeaderEpoch = 23,

    /// <summary>A transaction takes in partitions.</summary>
    AddPartitionsToTxn = 24,

    /// <summary>A transaction takes in a group's offsets.</summary>
    AddOffsetsToTxn = 25,

    /// <summary>A transaction commits or aborts.</summary>
    EndTxn = 26,

    /// <summary>Offsets committed within a transaction.</summary>
    TxnOffsetCommit = 28,

    /// <summary>
    /// Everything a member of a KIP-848 group (<c>group.protocol=consumer</c>) says to its coordinator: join, alive, leave.
    /// </summary>
    ConsumerGroupHeartbeat = 68,
}
