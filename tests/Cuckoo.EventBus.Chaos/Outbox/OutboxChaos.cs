using Cuckoo.EventBus.Chaos.Servers;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>Tries the outbox once, or with each broken relay.</summary>
internal static class OutboxChaos
{
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(ChaosOptions options, CancellationToken ct)
    {
        var scenario = options.Scenario;
        if (scenario.CutsConnections && Toxiproxy.Missing is { } reason)
        {
            scenario = scenario.WithoutConnectionCuts();
            Console.WriteLine($"Connections are not cut: {reason}.");
            if (scenario.Faults.Count == 0)
            {
                throw new ChaosException("Nothing is left of this scenario.");
            }
        }

        Console.WriteLine($"Seed {options.Seed}, scenario {scenario.Name}, {scenario.Brokers} broker{(scenario.Brokers == 1 ? "" : "s")}.");
        await using var servers = await ChaosServers.StartAsync(scenario);
        ct.ThrowIfCancellationRequested();
        return options.IsSelfTest ? await SelfTestAsync(servers, options, ct) : await OnceAsync(servers, options, scenario, ct);
    }

    private static async Task<int> OnceAsync(ChaosServers servers, ChaosOptions options, Scenario scenario, CancellationToken ct)
    {
        var (verdict, kills) = await new OutboxRun(servers, options, scenario, "chaos").RunAsync(ct);
        if (!verdict.IsGood)
        {
            Console.WriteLine($"What workers and servers wrote is in {servers.Keep()}. The same again: --scenario {options.Scenario.Name} --seed {options.Seed}");
        }

        Console.WriteLine(verdict.Summary(kills));
        return verdict.IsGood ? 0 : 1;
    }

    private static async Task<int> SelfTestAsync(ChaosServers servers, ChaosOptions options, CancellationToken ct)
    {
        var relays = Enum.GetValues<BrokenRelayKind>();
        var caught = 0;
        foreach (var relay in relays)
        {
            Console.WriteLine($"A broken relay, {relay}:");
            var (verdict, kills) = await new OutboxRun(servers, options.ForSelfTest(relay), options.Scenario, $"self_test_{(int)relay}").RunAsync(ct);
            var isCaught = verdict.Lost.Count + verdict.Reordered.Count > 0 && verdict.Contradictions.Count == 0;
            caught += isCaught ? 1 : 0;
            Console.WriteLine();
            Console.WriteLine($"{verdict.Summary(kills)}: {(isCaught ? "caught" : "NOT CAUGHT")}");
        }

        Console.WriteLine($"{caught} of {relays.Length} broken relays were caught");
        return caught == relays.Length ? 0 : 1;
    }
}
