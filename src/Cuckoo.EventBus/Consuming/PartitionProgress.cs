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

    /// <summary>How many records were finished, in any order.</summary>
    public long Finished { get; private set; }

    /// <summary>The first delivered record that is not finished.</summary>
    public Mark? Oldest => _unsettled.TryPeek(out var oldest) ? oldest : null;

    public Mark Deliver(long offset, int? leaderEpoch, DateTimeOffset timestamp = default)
    {
        var mark = new Mark(offset, leaderEpoch, timestamp);
        _unsettled.Enqueue(mark);
        return mark;
    }

    public void Finish(Mark mark)
    {
        mark.IsFinished = true;
        Finished++;
        while (_unsettled.TryPeek(out var oldest) && oldest.IsFinished)
        {
            _unsettled.Dequeue();
            Position = new PartitionPosition(oldest.Offset + 1, oldest.LeaderEpoch);
        }
    }

    /// <summary>One delivered record.</summary>
    internal sealed class Mark(long offset, int? leaderEpoch, DateTimeOffset timestamp)
    {
        public long Offset { get; } = offset;

        public int? LeaderEpoch { get; } = leaderEpoch;

        public DateTimeOffset Timestamp { get; } = timestamp;

        public bool IsFinished { get; set; }
    }
}
