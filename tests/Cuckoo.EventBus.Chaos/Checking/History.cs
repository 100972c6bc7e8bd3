namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>What is left of a run: the truth from the database, and what became of it.</summary>
internal sealed record History
{
    public required IReadOnlyList<WitnessRow> Witnesses { get; init; }

    /// <summary>The last number of each key.</summary>
    public required IReadOnlyDictionary<string, long> Counters { get; init; }

    /// <summary>Per partition by offset.</summary>
    public required IReadOnlyList<SentRecord> Records { get; init; }

    public IReadOnlyList<LeftRow> Left { get; init; } = [];
}
