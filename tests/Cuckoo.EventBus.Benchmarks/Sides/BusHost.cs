using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>Hosts the bus with its defaults: what is set is where it works, and what a measure's name says.</summary>
internal static class BusHost
{
    public const string ServiceName = "bench";

    public static IHost Build(SideTarget target, Action<IServiceCollection> configure, string serviceName = ServiceName)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = serviceName, DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["EventBus:BootstrapServers"] = target.BootstrapServers,
            ["EventBus:ServiceName"] = serviceName,
            ["EventBus:TopicPrefix"] = target.TopicPrefix,
            ["EventBus:Relay:Enabled"] = target.Relays ? "true" : "false",
        });
        if (target.LingerMs is { } linger)
        {
            builder.Configuration.AddInMemoryCollection([new("EventBus:Kafka:Producer:linger.ms", linger.ToString(CultureInfo.InvariantCulture))]);
        }

        // Output is for the harness; trouble is for whoever looks on.
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddSimpleConsole(options => options.SingleLine = true);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        if (target.Telemetry is { } telemetry)
        {
            builder.Services.AddHostedService(_ => new TelemetryExport(telemetry));
        }

        configure(builder.Services);
        return builder.Build();
    }
}
