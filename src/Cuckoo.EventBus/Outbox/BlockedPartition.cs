namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// A partition that takes nothing at the moment, because it has no leader for instance: later rows for it are passed over, not
/// sent, and read again from <see cref="PassedFrom"/> when it takes records again. Of a topic nobody knows, all partitions.
/// </summary>
internal sealed class BlockedPartition(string topic, int partition)
{
    /// <summary>Stands for every partition of a topic whose number of partitions nobody knows.</summary>
    public const int All = -1;

    public (string Topic, int Partition) Place { get; } = (topic, partition);

    /// <summary>How many of its rows are on their way.</summary>
    public int Unanswered { get; set; }

    /// <summary>The lowest id that was passed over.</summary>
    public long? PassedFrom { get; private set; }

    /// <summary>The ids that were passed over and that a read from the floor would return again.</summary>
    public HashSet<long> Passed { get; } = [];

    public void Pass(long id)
    {
        Passed.Add(id);
        PassedFrom = Math.Min(PassedFrom ?? id, id);
    }
}
