using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Measures, on the thread that polls, how far each partition is: nothing here asks a broker. Where everything read is
/// finished, the partition is as far as the client has read, also where what it read last was no record (transactions' markers).
/// </summary>
internal sealed class ProgressMeter(TimeProvider time)
{
    private readonly Dictionary<PartitionId, Past> _past = [];
    private long _finished;

    /// <param name="consumer">The client.</param>
    /// <param name="assignments">What it has.</param>
    /// <param name="isPaused">Whether a consumer is paused: then standing still is what was wanted.</param>
    /// <param name="isBusy">Whether all that may run or be read at a time does: then one partition waits while others move.</param>
    public IReadOnlyList<PartitionState> Measure(KafkaConsumer consumer, Assignments assignments, bool isPaused, bool isBusy)
    {
        foreach (var gone in _past.Keys.Except(assignments.Partitions).ToList())
        {
            _past.Remove(gone);
        }

        var finished = assignments.Partitions.Sum(partition => assignments[partition].Progress.Finished);
        var mayStandStill = isPaused || (isBusy && finished != _finished);
        _finished = finished;
        return [.. assignments.Partitions.Select(partition => Measure(partition, assignments[partition], consumer, mayStandStill))];
    }

    private PartitionState Measure(PartitionId id, PartitionAssignment assignment, KafkaConsumer consumer, bool mayStandStill)
    {
        var now = time.GetTimestamp();
        if (!_past.TryGetValue(id, out var past) || past.Assignment != assignment)
        {
            _past[id] = past = new Past(assignment, now);
        }

        var progress = assignment.Progress;
        var read = consumer.EndReached(id);
        var next = progress.OldestUnfinished ?? (read > progress.NextOffset || progress.NextOffset is null ? read : progress.NextOffset);
        var end = consumer.HighWatermark(id) is { } high && !(high < read) ? high : read;

        // While nothing was ever read, there may be something to read.
        var isBehind = progress.Unsettled > 0 || next is null || end > next;
        if (!isBehind || mayStandStill || progress.Finished != past.Finished)
        {
            past.Moved = now;
        }

        if (!isBehind)
        {
            past.Behind = now;
        }

        past.Finished = progress.Finished;
        var lagTime = !isBehind || next is null ? TimeSpan.Zero
            : progress.OldestTimestamp is { } timestamp ? time.GetUtcNow() - timestamp
            : time.GetElapsedTime(past.Behind, now);
        return new PartitionState(
            id, next, end, progress.Unsettled, progress.OldestUnfinished, lagTime > TimeSpan.Zero ? lagTime : TimeSpan.Zero, time.GetElapsedTime(past.Moved, now));
    }

    private sealed class Past(PartitionAssignment assignment, long now)
    {
        public PartitionAssignment Assignment => assignment;

        public long Finished { get; set; }

        public long Moved { get; set; } = now;

        public long Behind { get; set; } = now;
    }
}
