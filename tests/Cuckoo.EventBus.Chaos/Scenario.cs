using Cuckoo.EventBus.Chaos.Faults;

namespace Cuckoo.EventBus.Chaos;

/// <summary>What happens in a run.</summary>
internal sealed record Scenario
{
    public required string Name { get; init; }

    /// <summary>Whether workers are killed, at random moments and all the time.</summary>
    public bool Kills { get; init; }

    /// <summary>Whether each worker has a clock of its own.</summary>
    public bool ClocksDiffer { get; init; }

    /// <summary>Three where one of them has to be dispensable; one starts faster.</summary>
    public int Brokers { get; init; } = 1;

    /// <summary>What strikes besides, one at a time.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    public bool CutsConnections => Faults.Any(f => f is ConnectionCut);

    /// <summary>The same without what needs a proxy between the processes.</summary>
    public Scenario WithoutConnectionCuts() => this with { Faults = [.. Faults.Where(f => f is not ConnectionCut)] };
}
