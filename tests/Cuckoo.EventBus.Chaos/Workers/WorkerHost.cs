using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Chaos.Workers;

/// <summary>Hosts a worker's services as a user would host theirs, until a signal ends it.</summary>
internal static class WorkerHost
{
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IDictionary<string, string?> configuration, Action<IServiceCollection> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "chaos", DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(configuration);
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning);
        configure(builder.Services);
        using var host = builder.Build();
        var ending = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        try
        {
            await host.RunAsync();
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // It was told to end before it had started.
        }

        return 0;
    }
}
