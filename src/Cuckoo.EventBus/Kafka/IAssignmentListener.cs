namespace Cuckoo.EventBus.Kafka;

/// <summary>Hears which partitions a consumer has. Called on the thread that polls; must not throw.</summary>
internal interface IAssignmentListener
{
    /// <summary>These are read from now on, besides those had before.</summary>
    void Assigned(IReadOnlyCollection<PartitionId> partitions);

    /// <summary>These go to another member after this call: the last chance to store their positions.</summary>
    void Revoked(KafkaConsumer consumer, IReadOnlyCollection<PartitionId> partitions);

    /// <summary>These belong to another member already.</summary>
    void Lost(IReadOnlyCollection<PartitionId> partitions);
}
