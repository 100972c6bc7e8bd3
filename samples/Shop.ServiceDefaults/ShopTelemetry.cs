using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Shop.ServiceDefaults;

/// <summary>Traces of requests, events and the database, for whoever is told where to send them.</summary>
public static class ShopTelemetry
{
    internal const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>
    /// Exports traces by OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set; nothing otherwise. Call it first: hosted services
    /// stop in the opposite order, and the last spans are those of the others' stopping.
    /// </summary>
    public static void AddShopTelemetry(this IHostApplicationBuilder builder)
    {
        if (string.IsNullOrEmpty(builder.Configuration[Endpoint]))
        {
            return;
        }

        // ASP.NET Core 10 leaves the attributes of its spans to an instrumentation package unless it is told not to.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        builder.Services.AddHostedService<TraceExport>();
        builder.Services.AddTransient<IStartupFilter, RequestSpans>();
    }
}
