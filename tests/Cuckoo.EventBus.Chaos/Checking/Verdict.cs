namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>What a history shows.</summary>
internal sealed record Verdict
{
    /// <summary>Committed, and neither in Kafka nor in the outbox.</summary>
    public required IReadOnlyList<WitnessRow> Lost { get; init; }

    /// <summary>In Kafka, and not (or not like this) committed. The first record of each event.</summary>
    public required IReadOnlyList<SentRecord> Invented { get; init; }

    /// <summary>Events whose first record comes after that of a later event of their key, or in another partition.</summary>
    public required IReadOnlyList<SentRecord> Reordered { get; init; }

    /// <summary>Still in the outbox.</summary>
    public required IReadOnlyList<LeftRow> Left { get; init; }

    /// <summary>Records beyond the first of their event: allowed.</summary>
    public required int Duplicates { get; init; }

    /// <summary>Where the truth contradicts itself: then the test is wrong, or the database is.</summary>
    public required IReadOnlyList<string> Contradictions { get; init; }

    public bool IsGood => Lost.Count + Invented.Count + Reordered.Count + Left.Count + Contradictions.Count == 0;

    /// <summary>The run's last line.</summary>
    public string Summary(int kills) =>
        $"kills {kills} lost {Lost.Count} invented {Invented.Count} reordered {Reordered.Count} left {Left.Count} duplicates {Duplicates}";
}
