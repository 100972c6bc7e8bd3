using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Retrying;

/// <summary>Where there is a parked row to try: enough to find its lane.</summary>
internal readonly record struct DueRow(long Id, string Consumer, PartitionId Partition, byte[]? Key);
