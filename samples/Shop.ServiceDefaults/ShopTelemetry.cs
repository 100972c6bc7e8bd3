using System.Globalization;
using Cuckoo.EventBus;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Shop.ServiceDefaults;

/// <summary>The bus's metrics for Prometheus, and traces of requests, events and the database for whoever is told where to send them.</summary>
public static class ShopTelemetry
{
    /// <summary>
    /// Collects the metrics that <c>MapPrometheusScrapingEndpoint</c> shows at <c>/metrics</c>. Exports traces by OTLP where
    /// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set. OpenTelemetry's other variables (<c>OTEL_EXPORTER_OTLP_PROTOCOL</c>,
    /// <c>OTEL_BSP_…</c>) are read from the host's configuration.
    /// </summary>
    public static void AddShopTelemetry(this IHostApplicationBuilder builder)
    {
        var settings = builder.Configuration;
        var telemetry = builder.Services.AddOpenTelemetry()
            // The bus's name for the service is OpenTelemetry's too, unless its own variables, which come last, say otherwise.
            .ConfigureResource(resource => resource
                .Clear()
                .AddService(settings["EventBus:ServiceName"] ?? builder.Environment.ApplicationName)
                .AddTelemetrySdk()
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics.AddCuckooEventBusInstrumentation().AddPrometheusExporter());
        if (!string.IsNullOrEmpty(settings["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            telemetry.WithTracing(traces => traces
                .AddCuckooEventBusInstrumentation()
                .AddAspNetCoreInstrumentation(requests => requests.Filter = IsSomebodys)
                .AddSource("Npgsql")
                .SetSampler(new ParentBasedSampler(new RequestsAndEvents(new TraceIdRatioBasedSampler(ShareOfTraces(settings)))))
                .AddOtlpExporter());
        }
    }

    /// <summary>Not a probe's or a scrape's, which would be most of what a trace store holds, and nobody looks for them there.</summary>
    private static bool IsSomebodys(HttpContext request) =>
        !request.Request.Path.StartsWithSegments(ShopHealth.Path) && !request.Request.Path.StartsWithSegments("/metrics");

    /// <summary>OpenTelemetry's variable for it. A sample keeps all.</summary>
    private static double ShareOfTraces(IConfiguration settings) =>
        double.TryParse(settings["OTEL_TRACES_SAMPLER_ARG"], NumberStyles.Float, CultureInfo.InvariantCulture, out var share) ? share : 1;
}
