using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Consuming;

/// <summary>One assigned partition at one moment.</summary>
/// <param name="Id">The partition.</param>
/// <param name="NextOffset">Where a next owner has to start, where this process knows it.</param>
/// <param name="End">Where the next record will be written, as far as the client knows.</param>
/// <param name="Unsettled">Records that are read, of which the oldest is not finished.</param>
/// <param name="OldestUnfinished">The first record that is read and not finished.</param>
/// <param name="LagTime">The age of the oldest record that is not finished; how long the partition has been behind where none is read.</param>
/// <param name="Idle">How long nothing was finished although there is something; zero where there is nothing to do.</param>
internal sealed record PartitionState(PartitionId Id, long? NextOffset, long? End, int Unsettled, long? OldestUnfinished, TimeSpan LagTime, TimeSpan Idle)
{
    /// <summary>How many offsets are not finished; <see langword="null"/> while one of both ends is not known.</summary>
    public long? Lag => End - NextOffset is { } lag ? Math.Max(0, lag) : null;
}
