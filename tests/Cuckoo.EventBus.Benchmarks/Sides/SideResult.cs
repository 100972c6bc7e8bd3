namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>What a side measured of itself.</summary>
internal sealed record SideResult
{
    public static SideResult None { get; } = new();

    /// <summary>From the first piece's beginning to the last one's end.</summary>
    public double Seconds { get; init; }

    /// <summary>Of one piece's time.</summary>
    public double MedianMicroseconds { get; init; }

    /// <summary>By the whole process, on all threads.</summary>
    public long AllocatedBytes { get; init; }

    /// <summary>Where there is a rate: each transaction.</summary>
    public IReadOnlyList<Commit> Commits { get; init; } = [];
}
