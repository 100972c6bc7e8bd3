using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// The partitions that a group has in this process. Used by the thread that polls, alone. What is taken away is first brought
/// to an end: fed no more, running handlers awaited within the limit, positions stored, then given up.
/// </summary>
/// <param name="group">For the log.</param>
/// <param name="prepare">Starts what an assignment needs before its records are handled; does not block.</param>
/// <param name="drainLimit">How long running handlers are awaited.</param>
/// <param name="logger">For what was assigned and taken away.</param>
/// <param name="hurry">Cancelled when they are awaited no longer.</param>
internal sealed class Assignments(string group, Action<PartitionAssignment> prepare, TimeSpan drainLimit, ILogger logger, CancellationToken hurry) : IAssignmentListener
{
    /// <summary>How long cancelled handlers get to notice, before the host takes their services away.</summary>
    private static readonly TimeSpan UnwindLimit = TimeSpan.FromSeconds(2);

    private readonly Dictionary<PartitionId, PartitionAssignment> _current = [];

    public IReadOnlyCollection<PartitionId> Partitions => _current.Keys;

    /// <summary>Changes with every assignment, so that a new partition of a paused group is seen.</summary>
    public int Version { get; private set; }

    public PartitionAssignment this[PartitionId partition] => _current[partition];

    public void Assigned(IReadOnlyCollection<PartitionId> partitions)
    {
        foreach (var partition in partitions)
        {
            if (_current.Remove(partition, out var earlier))
            {
                // Not announced as taken away, yet it begins anew: its records come again.
                earlier.GiveUp();
            }

            var assignment = new PartitionAssignment(partition);
            _current.Add(partition, assignment);
            prepare(assignment);
        }

        Changed();
        ConsumingLog.Assigned(logger, group, string.Join(", ", partitions));
    }

    public void Revoked(KafkaConsumer consumer, IReadOnlyCollection<PartitionId> partitions)
    {
        var taken = Take(partitions);
        if (taken.Count == 0)
        {
            return;
        }

        Drain(taken, consumer);
        ConsumingLog.Revoked(logger, group, string.Join(", ", partitions));
    }

    public void Lost(IReadOnlyCollection<PartitionId> partitions)
    {
        var taken = Take(partitions);
        if (taken.Count == 0)
        {
            return;
        }

        foreach (var assignment in taken)
        {
            assignment.GiveUp();
        }

        ConsumingLog.Lost(logger, group, string.Join(", ", partitions));
    }

    /// <summary>Stores the positions that moved.</summary>
    public void StorePositions(KafkaConsumer consumer)
    {
        foreach (var assignment in _current.Values)
        {
            Store(assignment, consumer);
        }
    }

    /// <summary>Brings everything to an end, and waits a little for handlers that had to be cancelled.</summary>
    public void Stop(KafkaConsumer consumer)
    {
        var taken = Take([.. _current.Keys]);
        Drain(taken, consumer);
        var unwound = Environment.TickCount64 + (long)UnwindLimit.TotalMilliseconds;
        foreach (var assignment in taken)
        {
            assignment.WaitUntilIdle(TimeSpan.FromMilliseconds(unwound - Environment.TickCount64), CancellationToken.None);
        }
    }

    private static void Store(PartitionAssignment assignment, KafkaConsumer consumer)
    {
        if (assignment.TakePosition() is { } position)
        {
            consumer.Store(assignment.Id, position);
        }
    }

    private void Drain(List<PartitionAssignment> taken, KafkaConsumer consumer)
    {
        foreach (var assignment in taken)
        {
            assignment.StopFeeding();
        }

        var until = Environment.TickCount64 + (long)drainLimit.TotalMilliseconds;
        foreach (var assignment in taken)
        {
            assignment.WaitUntilIdle(TimeSpan.FromMilliseconds(until - Environment.TickCount64), hurry);
        }

        foreach (var assignment in taken)
        {
            Store(assignment, consumer);
            assignment.GiveUp();
        }
    }

    private List<PartitionAssignment> Take(IReadOnlyCollection<PartitionId> partitions)
    {
        var taken = new List<PartitionAssignment>(partitions.Count);
        foreach (var partition in partitions)
        {
            if (_current.Remove(partition, out var assignment))
            {
                taken.Add(assignment);
            }
        }

        if (taken.Count > 0)
        {
            Changed();
        }

        return taken;
    }

    private void Changed()
    {
        Version++;
        BusMetrics.Rebalances.Add(1, BusMetrics.GroupTag(group));
    }
}
