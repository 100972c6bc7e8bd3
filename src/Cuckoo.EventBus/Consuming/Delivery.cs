using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// A record on its way through the process, with the assignment it came by. Several lanes may have it: the one of its key, and one
/// for each consumer of batches that it is for. Invariant: it has its outcome when all of them have theirs.
/// </summary>
internal sealed record Delivery(IncomingRecord Record, PartitionAssignment Assignment, PartitionProgress.Mark Mark) : LaneWork(Assignment)
{
    private int _lanes = 1;
    private int _unfinished = 1;

    public int Size { get; } = Record.Size;

    /// <summary>How many lanes have it; said before it is added to the first.</summary>
    public void HandTo(int lanes) => _lanes = _unfinished = lanes;

    /// <summary>Its outcome in one lane is durable.</summary>
    /// <returns>Whether it was the last one missing.</returns>
    public bool Finish() => Interlocked.Decrement(ref _unfinished) == 0;

    /// <summary>A lane no longer has it, whether with an outcome or without.</summary>
    /// <returns>Whether it was the last one.</returns>
    public bool Leave() => Interlocked.Decrement(ref _lanes) == 0;
}
