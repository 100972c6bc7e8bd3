namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>What a history of consumers shows.</summary>
internal sealed record ConsumerVerdict
{
    /// <summary>In Kafka and passed by, and neither applied nor dead nor parked; or applied or dead, and what was to be published with it is not in Kafka.</summary>
    public required IReadOnlyList<Finding> Lost { get; init; }

    /// <summary>Applied or dead more than once, or both; or published by a transaction that is not there.</summary>
    public required IReadOnlyList<Finding> Double { get; init; }

    /// <summary>Effects, or what they published, behind those of a later record of their key.</summary>
    public required IReadOnlyList<Finding> Reordered { get; init; }

    /// <summary>Parked, unread or unsent after everything has been well for long enough.</summary>
    public required IReadOnlyList<Finding> Stuck { get; init; }

    /// <summary>Records beyond the first of their event.</summary>
    public required int Duplicates { get; init; }

    /// <summary>Where the truth contradicts itself: then the test is wrong, or a server is.</summary>
    public required IReadOnlyList<string> Contradictions { get; init; }

    public bool IsGood => Lost.Count + Double.Count + Reordered.Count + Stuck.Count + Contradictions.Count == 0;

    /// <summary>The run's last line.</summary>
    /// <param name="kills">How many there were.</param>
    /// <param name="more">What else there was.</param>
    public string Summary(int kills, string more) =>
        $"kills {kills} lost {Lost.Count} double {Double.Count} reordered {Reordered.Count} stuck {Stuck.Count} ({more}duplicates {Duplicates})";
}
