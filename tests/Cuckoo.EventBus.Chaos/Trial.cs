using Cuckoo.EventBus.Chaos.Servers;

namespace Cuckoo.EventBus.Chaos;

/// <summary>One part of the library under trial: what happens to it, and how it is told whether it held.</summary>
internal sealed record Trial
{
    /// <summary>On the command line.</summary>
    public required string Name { get; init; }

    /// <summary>The one called <c>random</c> is the default.</summary>
    public required IReadOnlyList<Scenario> Scenarios { get; init; }

    /// <summary>What can be planted, and must be caught.</summary>
    public required IReadOnlyList<Flaw> Flaws { get; init; }

    /// <summary>Makes one run.</summary>
    public required Func<TrialRun, CancellationToken, Task<TrialResult>> TryAsync { get; init; }

    public Scenario Scenario(string name) =>
        Scenarios.FirstOrDefault(s => s.Name == name) ?? throw new ChaosException($"There is no scenario '{name}': {string.Join(", ", Scenarios.Select(s => s.Name))}.");

    public Flaw Flaw(string name) =>
        Flaws.FirstOrDefault(f => f.Name == name) ?? throw new ChaosException($"There is no flaw '{name}': {string.Join(", ", Flaws.Select(f => f.Name))}.");

    /// <summary>Once, or once with each flaw.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(ChaosOptions options, CancellationToken ct)
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

    private async Task<int> OnceAsync(ChaosServers servers, ChaosOptions options, Scenario scenario, CancellationToken ct)
    {
        var result = await TryAsync(new TrialRun(servers, options, scenario, "chaos"), ct);
        if (!result.IsGood)
        {
            Console.WriteLine($"What workers and servers wrote is in {servers.Keep()}. The same again: {options.Again}");
        }

        Console.WriteLine(result.Summary);
        return result.IsGood ? 0 : 1;
    }

    private async Task<int> SelfTestAsync(ChaosServers servers, ChaosOptions options, CancellationToken ct)
    {
        var caught = 0;
        foreach (var (flaw, index) in Flaws.Select((flaw, index) => (flaw, index)))
        {
            Console.WriteLine($"A flaw, {flaw.Name}:");
            var flawed = options.ForSelfTest(flaw);
            var result = await TryAsync(new TrialRun(servers, flawed, flawed.Scenario, $"self_test_{index}"), ct);
            caught += result.ShowsFlaw ? 1 : 0;
            Console.WriteLine();
            Console.WriteLine($"{result.Summary}: {(result.ShowsFlaw ? "caught" : "NOT CAUGHT")}");
        }

        Console.WriteLine($"{caught} of {Flaws.Count} flaws were caught");
        return caught == Flaws.Count ? 0 : 1;
    }
}
