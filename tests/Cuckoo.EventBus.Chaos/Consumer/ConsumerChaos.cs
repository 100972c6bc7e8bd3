using Cuckoo.EventBus.Chaos.Faults;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>The trial of consumers.</summary>
internal static class ConsumerChaos
{
    // Past the session of four seconds, most of the time.
    private static readonly WorkerStop Stop = new(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(9));

    private static readonly GroupStorm Storm = new(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(12));

    private static readonly WorkerLeave Leave = new(waits: true);

    public static Trial Trial { get; } = new()
    {
        Name = "consumer",
        Scenarios =
        [
            new() { Name = "kill", Kills = true },
            new() { Name = "stop", Faults = [Stop] },
            new() { Name = "leave", Faults = [Leave] },
            new() { Name = "rebalance", Faults = [new GroupStorm(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1))] },
            new() { Name = "broker", Brokers = 3, Faults = [new BrokerKill()] },
            new() { Name = "database", Faults = [new DatabaseRestart()] },
            new() { Name = "network", Faults = [new ConnectionCut()] },
            new() { Name = "leaderless", Brokers = 3, Faults = [new LeaderlessPartition()] },
            new() { Name = "clock", Kills = true, ClocksDiffer = true },
            new()
            {
                Name = "random",
                Kills = true,
                Brokers = 3,
                Faults = [Stop, Storm, Leave, new BrokerKill(), new DatabaseRestart(), new ConnectionCut(), new LeaderlessPartition()],
            },
        ],
        Flaws = ConsumerFlaws.All,
        TryAsync = (run, ct) => new ConsumerRun(run).RunAsync(ct),
    };
}
