using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Tells the group's status what its assignments hear.</summary>
internal sealed class ObservedAssignments(Assignments assignments, GroupStatus status) : IAssignmentListener
{
    public void Assigned(IReadOnlyCollection<PartitionId> partitions)
    {
        assignments.Assigned(partitions);
        status.Assigned(partitions);
    }

    public void Revoked(KafkaConsumer consumer, IReadOnlyCollection<PartitionId> partitions)
    {
        // Before their handlers are awaited, which may take a while.
        status.TakenAway(partitions);
        assignments.Revoked(consumer, partitions);
    }

    public void Lost(IReadOnlyCollection<PartitionId> partitions)
    {
        status.TakenAway(partitions);
        assignments.Lost(partitions);
    }
}
