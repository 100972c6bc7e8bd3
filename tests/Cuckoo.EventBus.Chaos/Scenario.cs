using Cuckoo.EventBus.Chaos.Faults;

namespace Cuckoo.EventBus.Chaos;

/// <summary>What happens in a run.</summary>
internal sealed record Scenario
{
    public static readonly Scenario Kill = new() { Name = "kill", Kills = true };

    public static readonly Scenario Random = new()
    {
        Name = "random",
        Kills = true,
        ClocksDiffer = true,
        Brokers = 3,
        Faults = [new WorkerStop(), new BrokerKill(), new DatabaseRestart(), new ConnectionCut(), new LeaderlessPartition()],
    };

    private static readonly Scenario[] All =
    [
        Kill,
        new() { Name = "stop", Faults = [new WorkerStop()] },
        new() { Name = "broker", Brokers = 3, Faults = [new BrokerKill()] },
        new() { Name = "database", Faults = [new DatabaseRestart()] },
        new() { Name = "network", Faults = [new ConnectionCut()] },
        new() { Name = "leaderless", Brokers = 3, Faults = [new LeaderlessPartition()] },
        // Whose clock is right matters where lanes change hands, so this one kills too.
        new() { Name = "clock", Kills = true, ClocksDiffer = true },
        Random,
    ];

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

    public static Scenario Named(string name) =>
        All.FirstOrDefault(s => s.Name == name) ?? throw new ChaosException($"There is no scenario '{name}': {string.Join(", ", All.Select(s => s.Name))}.");
}
