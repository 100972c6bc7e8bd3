using Cuckoo.EventBus.Benchmarks.Sample;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>Where a side works.</summary>
/// <param name="BootstrapServers">The broker.</param>
/// <param name="ConnectionString">The database.</param>
/// <param name="TopicPrefix">Before the topic's name.</param>
/// <param name="Relays">Whether the bus relays.</param>
/// <param name="LingerMs">The producer's linger; without one the side's own default.</param>
/// <param name="Consumption">What a side that consumes does.</param>
/// <param name="Telemetry">OpenTelemetry's SDK in the process; none without it.</param>
internal sealed record SideTarget(
    string BootstrapServers, string ConnectionString, string TopicPrefix, bool Relays = true, double? LingerMs = null, Consumption? Consumption = null,
    TelemetrySetup? Telemetry = null)
{
    public string Topic => TopicPrefix + BenchEvent.TopicName;
}
