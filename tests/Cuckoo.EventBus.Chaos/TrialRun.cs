using Cuckoo.EventBus.Chaos.Servers;

namespace Cuckoo.EventBus.Chaos;

/// <summary>What one run is given.</summary>
/// <param name="Servers">Shared by the runs of a self-test.</param>
/// <param name="Options">The command line.</param>
/// <param name="Scenario">That of the options, or what is left of it on this machine.</param>
/// <param name="Name">For its database, topics and files, which it shares with no other run.</param>
internal sealed record TrialRun(ChaosServers Servers, ChaosOptions Options, Scenario Scenario, string Name);
