namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// A partition that takes nothing at the moment, because it has no leader for instance: later rows for it are passed over, not
/// sent, and read again from <see cref="PassedFrom"/> when it takes records again. Of a topic nobody knows, all partitions.
/// </summary>
internal sealed class BlockedPartition
{
    /// <summary>How many of its rows are on their way.</summary>
    public int Unanswered { get; set; }

    /// <summary>The lowest id that was passed over.</summary>
    public long? PassedFrom { get; private set; }

    /// <summary>Rows are read in ascending order, but again after a return to lower ids.</summary>
    public void Pass(long id) => PassedFrom = Math.Min(PassedFrom ?? id, id);
}
