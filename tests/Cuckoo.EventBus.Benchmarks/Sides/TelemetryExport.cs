using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>
/// OpenTelemetry's SDK as a service has it, with its own batches and queue: spans that do not fit into it are dropped, as in
/// production. The sampler goes by the trace's id alone, so that one topic serves every share.
/// </summary>
internal sealed class TelemetryExport(TelemetrySetup setup) : IHostedService, IDisposable
{
    /// <summary>So often that a run of some seconds has several; the SDK's own default is a minute.</summary>
    private const int MetricInterval = 5_000;

    private OpenTelemetrySdk? _sdk;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _sdk = OpenTelemetrySdk.Create(sdk => sdk
            .WithTracing(traces => traces
                .AddCuckooEventBusInstrumentation()
                .SetSampler(new TraceIdRatioBasedSampler(setup.SampledShare))
                .AddOtlpExporter(exporter => Send(exporter, "v1/traces")))
            .WithMetrics(metrics => metrics
                .AddCuckooEventBusInstrumentation()
                .AddOtlpExporter((exporter, reader) =>
                {
                    Send(exporter, "v1/metrics");
                    reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = MetricInterval;
                })));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _sdk?.Dispose();
        _sdk = null;
    }

    private void Send(OtlpExporterOptions exporter, string path)
    {
        exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
        exporter.Endpoint = new Uri($"{setup.Endpoint}/{path}");
    }
}
