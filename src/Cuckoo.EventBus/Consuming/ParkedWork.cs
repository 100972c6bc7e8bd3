using Cuckoo.EventBus.Retrying;

namespace Cuckoo.EventBus.Consuming;

/// <summary>The parked records of a key, to be tried in the key's own lane.</summary>
internal sealed record ParkedWork(DueRow Due, PartitionAssignment Assignment, ConsumerPipeline Consumer, ParkedRecords Source) : LaneWork(Assignment);
