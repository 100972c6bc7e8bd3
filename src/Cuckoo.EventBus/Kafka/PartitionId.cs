namespace Cuckoo.EventBus.Kafka;

/// <summary>One partition of one topic.</summary>
internal readonly record struct PartitionId(string Topic, int Partition)
{
    public override string ToString() => $"{Topic}/{Partition}";
}
