namespace Cuckoo.EventBus.Kafka;

/// <summary>The next offset to consume, and the leader's epoch of the record before it (KIP-320).</summary>
internal readonly record struct PartitionPosition(long NextOffset, int? LeaderEpoch);
