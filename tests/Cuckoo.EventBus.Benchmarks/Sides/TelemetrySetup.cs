namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>OpenTelemetry's SDK in a side's process.</summary>
/// <param name="SampledShare">Which share of the traces is kept; the metrics are all.</param>
/// <param name="Endpoint">Where both are sent, by OTLP over HTTP.</param>
internal sealed record TelemetrySetup(double SampledShare, string Endpoint);
