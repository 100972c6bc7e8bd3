namespace Cuckoo.EventBus.Consuming;

/// <summary>How far an assignment is.</summary>
/// <param name="NextOffset">Where a next owner has to start; <see langword="null"/> while nothing is finished.</param>
/// <param name="Finished">How many records were finished, in any order.</param>
/// <param name="Unsettled">How many read records the position has not passed.</param>
/// <param name="OldestUnfinished">The offset of the first of them.</param>
/// <param name="OldestTimestamp">When it was written.</param>
internal readonly record struct AssignmentProgress(long? NextOffset, long Finished, int Unsettled, long? OldestUnfinished, DateTimeOffset? OldestTimestamp);
