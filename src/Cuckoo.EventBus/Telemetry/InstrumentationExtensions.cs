using Cuckoo.EventBus.Telemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Cuckoo.EventBus;

/// <summary>Adds the bus's traces and metrics to OpenTelemetry's providers. Source and meter are named <c>Cuckoo.EventBus</c>.</summary>
public static class EventBusInstrumentationExtensions
{
    /// <summary>Exports the spans of events that are published, sent and processed.</summary>
    /// <param name="builder">The tracer provider's builder.</param>
    /// <returns>The builder.</returns>
    public static TracerProviderBuilder AddCuckooEventBusInstrumentation(this TracerProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSource(BusMetrics.Name);
    }

    /// <summary>Exports the metrics of outbox, consumers and dead letters, and the semantic conventions' own of a messaging client.</summary>
    /// <param name="builder">The meter provider's builder.</param>
    /// <returns>The builder.</returns>
    public static MeterProviderBuilder AddCuckooEventBusInstrumentation(this MeterProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddMeter(BusMetrics.Name);
    }
}
