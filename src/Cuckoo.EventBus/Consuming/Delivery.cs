using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>A record on its way through the process, with the assignment it came by.</summary>
internal sealed record Delivery(IncomingRecord Record, PartitionAssignment Assignment, PartitionProgress.Mark Mark) : LaneWork(Assignment)
{
    public int Size { get; } = Record.Size;
}
