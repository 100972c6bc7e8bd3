namespace Cuckoo.EventBus.Chaos;

/// <summary>Something wrong that is planted in the workers, to see that a run shows it.</summary>
/// <param name="Name">On the command line.</param>
internal sealed record Flaw(string Name)
{
    /// <summary>The name of what must happen for it to show itself.</summary>
    public string Scenario { get; init; } = "kill";

    /// <summary>How often, where the scenario kills.</summary>
    public int? Kills { get; init; }

    /// <summary>How long, where it does not.</summary>
    public TimeSpan? Duration { get; init; }
}
