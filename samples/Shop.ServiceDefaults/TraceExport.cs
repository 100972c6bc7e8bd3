using System.Globalization;
using Cuckoo.EventBus;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Shop.ServiceDefaults;

/// <summary>OpenTelemetry's SDK, from the host's start to its end, when what is left is sent.</summary>
/// <remarks>The exporter reads OpenTelemetry's own variables (<c>OTEL_EXPORTER_OTLP_PROTOCOL</c>, <c>OTEL_BSP_…</c>) from the host's configuration.</remarks>
internal sealed class TraceExport(IConfiguration configuration, IHostEnvironment environment) : IHostedService, IDisposable
{
    private OpenTelemetrySdk? _sdk;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _sdk = OpenTelemetrySdk.Create(sdk =>
        {
            sdk.Services.AddSingleton(configuration);
            sdk.ConfigureResource(Describe);
            sdk.WithTracing(traces => traces
                .AddCuckooEventBusInstrumentation()
                .AddSource("Microsoft.AspNetCore")
                .AddSource("Npgsql")
                .SetSampler(new ParentBasedSampler(new RequestsAndEvents(new TraceIdRatioBasedSampler(Ratio()))))
                .AddOtlpExporter());
        });
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

    /// <summary>The bus's name for the service is the trace's too, unless OpenTelemetry's variables, which come last, say otherwise.</summary>
    private void Describe(ResourceBuilder resource) => resource
        .Clear()
        .AddService(configuration["EventBus:ServiceName"] ?? environment.ApplicationName)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();

    /// <summary>OpenTelemetry's variable for the share of traces to keep. A sample keeps all.</summary>
    private double Ratio() =>
        double.TryParse(configuration["OTEL_TRACES_SAMPLER_ARG"], NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) ? ratio : 1;
}
