using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// What of one assigned partition is finished. Invariant: <see cref="Position"/> follows the longest run of delivered records,
/// from the first one on, that are all finished; so whoever starts there misses none. Offsets may have gaps (compaction,
/// transaction markers) and may start again lower (the topic was made anew): what counts is the order of delivery.
/// Not safe for concurrent use.
/// </summary>
internal sealed class PartitionProgress
{
    private readonly Queue<Mark> _unsettled = new();

    /// <summary>Where a next owner has to start; <see langword="null"/> while nothing is finished.</summary>
    public PartitionPosition? Position { get; private set; }

    /// <summary>How many delivered records <see cref="Position"/> has not passed.</summary>
    public int Unsettled => _unsettled.Count;

    public Mark Deliver(long offset, int? leaderEpoch)
    {
        var mark = new Mark(offset, leaderEpoch);
        _unsettled.Enqueue(mark);
        return mark;
    }

    public void Finish(Mark mark)
    {
        mark.IsFinished = true;
        while (_unsettled.TryPeek(out var oldest) && oldest.IsFinished)
        {
            _unsettled.Dequeue();
            Position = new PartitionPosition(oldest.Offset + 1, oldest.LeaderEpoch);
        }
    }

    /// <summary>One delivered record.</summary>
    internal sealed class Mark(long offset, int? leaderEpoch)
    {
        public long Offset { get; } = offset;

        public int? LeaderEpoch { get; } = leaderEpoch;

        public bool IsFinished { get; set; }
    }
}
