namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>What a side consumes, and what its handler does.</summary>
internal sealed record Consumption
{
    public required string Group { get; init; }

    /// <summary>How many records are there; with the last one a run ends.</summary>
    public required int Count { get; init; }

    public Handling Handling { get; init; }

    /// <summary>How long a handler takes that waits.</summary>
    public double HandlerMs { get; init; }

    /// <summary>Records per transaction, of a handler that takes many.</summary>
    public int BatchSize { get; init; }

    /// <summary>Whether the time from sending to handling is kept, of records from this number on.</summary>
    public long? LatencyFrom { get; init; }
}
