namespace Cuckoo.EventBus.Outbox;

/// <summary>What one read of a lane brought.</summary>
internal sealed class LaneRead
{
    public List<PendingRow> Rows { get; } = [];

    /// <summary>Whether these are all rows there were, but for those on their way.</summary>
    public bool IsComplete { get; set; }

    /// <summary>Whether the lane has rows that were rejected. Known only if there are <see cref="Rows"/>.</summary>
    public bool HasWaiting { get; set; }

    /// <summary>The transactions that were writing before the read began; <see langword="null"/> if that was not asked.</summary>
    public List<string>? Writers { get; set; }

    public long Bytes => Rows.Sum(r => (long)r.Bytes);
}
