using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// A record on its way through the process, with the assignment it came by. Each consumer that it is for has it in a lane of its
/// own. Invariant: it has its outcome when all of them have theirs.
/// </summary>
/// <param name="Record">The record.</param>
/// <param name="TypeName">Its type's name; empty where it has none.</param>
/// <param name="Type">Its type; <see langword="null"/> where nobody here knows it.</param>
/// <param name="Lanes">How many lanes have it.</param>
/// <param name="Assignment">What it came by.</param>
/// <param name="Mark">Its place among the partition's.</param>
internal sealed record Delivery(IncomingRecord Record, string TypeName, EventType? Type, int Lanes, PartitionAssignment Assignment, PartitionProgress.Mark Mark)
    : LaneWork(Assignment)
{
    private int _lanes = Lanes;
    private int _unfinished = Lanes;

    public int Size { get; } = Record.Size;

    /// <summary>Its outcome in one lane is durable.</summary>
    /// <returns>Whether it was the last one missing.</returns>
    public bool Finish() => Interlocked.Decrement(ref _unfinished) == 0;

    /// <summary>A lane no longer has it, whether with an outcome or without.</summary>
    /// <returns>Whether it was the last one.</returns>
    public bool Leave() => Interlocked.Decrement(ref _lanes) == 0;
}
