namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>What a side measured of itself.</summary>
internal sealed record SideResult
{
    public static SideResult None { get; } = new();

    /// <summary>From the first piece's beginning to the last one's end.</summary>
    public double Seconds { get; init; }

    /// <summary>How many pieces <see cref="Seconds"/> is about, where it is not all.</summary>
    public int Pieces { get; init; }

    /// <summary>Of all processors, by this process, in <see cref="Seconds"/>.</summary>
    public double ProcessorSeconds { get; init; }

    /// <summary>From the first record that was handled to the last.</summary>
    public double AllSeconds { get; init; }

    /// <summary>What all handlers took together.</summary>
    public double BusySeconds { get; init; }

    /// <summary>What the hot key's took of it.</summary>
    public double HotBusySeconds { get; init; }

    /// <summary>From sending to handling, in milliseconds, where that is kept.</summary>
    public IReadOnlyList<double> Latencies { get; init; } = [];

    /// <summary>How many faulty keys' events came after a later one of their key.</summary>
    public int Reordered { get; init; }

    /// <summary>Of one piece's time.</summary>
    public double MedianMicroseconds { get; init; }

    /// <summary>By the whole process, on all threads.</summary>
    public long AllocatedBytes { get; init; }

    /// <summary>Where there is a rate: each transaction.</summary>
    public IReadOnlyList<Commit> Commits { get; init; } = [];
}
