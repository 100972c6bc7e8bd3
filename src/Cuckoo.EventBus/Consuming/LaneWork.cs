namespace Cuckoo.EventBus.Consuming;

/// <summary>Something that a lane does for a partition that this process has.</summary>
internal abstract record LaneWork(PartitionAssignment Assignment);
