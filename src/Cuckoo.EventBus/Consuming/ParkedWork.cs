using Cuckoo.EventBus.Retrying;

namespace Cuckoo.EventBus.Consuming;

/// <summary>The parked records of a key, to be tried in the lane that has the key's records at that consumer.</summary>
internal sealed record ParkedWork(DueRow Due, PartitionAssignment Assignment, ConsumerPipeline Consumer, ParkedRecords Source) : LaneWork(Assignment);
