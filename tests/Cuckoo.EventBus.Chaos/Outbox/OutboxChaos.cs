using Cuckoo.EventBus.Chaos.Faults;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>The trial of the outbox.</summary>
internal static class OutboxChaos
{
    // A stopped worker must outlive its lease of three seconds.
    private static readonly WorkerStop Stop = new(TimeSpan.FromSeconds(3.5), TimeSpan.FromSeconds(8));

    public static Trial Trial { get; } = new()
    {
        Name = "outbox",
        Scenarios =
        [
            new() { Name = "kill", Kills = true },
            new() { Name = "stop", Faults = [Stop] },
            new() { Name = "broker", Brokers = 3, Faults = [new BrokerKill()] },
            new() { Name = "database", Faults = [new DatabaseRestart()] },
            new() { Name = "network", Faults = [new ConnectionCut()] },
            new() { Name = "leaderless", Brokers = 3, Faults = [new LeaderlessPartition()] },
            // Whose clock is right matters where lanes change hands, so this one kills too.
            new() { Name = "clock", Kills = true, ClocksDiffer = true },
            new()
            {
                Name = "random",
                Kills = true,
                ClocksDiffer = true,
                Brokers = 3,
                Faults = [Stop, new BrokerKill(), new DatabaseRestart(), new ConnectionCut(), new LeaderlessPartition()],
            },
        ],
        Flaws = OutboxFlaws.All,
        TryAsync = async (run, ct) =>
        {
            var (verdict, kills) = await new OutboxRun(run).RunAsync(ct);
            return new TrialResult(verdict.IsGood, verdict.Lost.Count + verdict.Reordered.Count > 0 && verdict.Contradictions.Count == 0, verdict.Summary(kills));
        },
    };
}
