using Cuckoo.EventBus.Chaos.Outbox.BrokenRelays;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>A service with an outbox, hosted as a user would, and busy.</summary>
internal static class OutboxWorker
{
    public static async Task<int> RunAsync(WorkerSettings settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "chaos", DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["EventBus:BootstrapServers"] = settings.Brokers,
            ["EventBus:TopicPrefix"] = settings.TopicPrefix,
            ["EventBus:Relay:Enabled"] = settings.Broken is null ? "true" : "false",
        });
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning);
        Configure(builder.Services, settings);
        using var host = builder.Build();
        await host.RunAsync();
        return 0;
    }

    private static void Configure(IServiceCollection services, WorkerSettings settings)
    {
        void Options(DbContextOptionsBuilder options) =>
            options.UseNpgsql(settings.Database, npgsql => _ = settings.Retries ? npgsql.EnableRetryOnFailure() : npgsql)
                // A failed save is the order of the day here, and is handled.
                .ConfigureWarnings(warnings => warnings.Ignore(Microsoft.EntityFrameworkCore.Diagnostics.CoreEventId.SaveChangesFailed));

        services.AddSingleton(settings);
        services.AddSingleton<TimeProvider>(new ShiftedClock(settings.ClockOffset));
        _ = settings.Pools ? services.AddDbContextPool<ChaosContext>(Options) : services.AddDbContext<ChaosContext>(Options);
        services.AddCuckooEventBus(bus => bus.UseOutbox<ChaosContext>().Publishes<Noted>());
        services.AddHostedService<Writers>();
        _ = settings.Broken switch
        {
            BrokenRelayKind.Cursor => services.AddHostedService<CursorRelay>(),
            BrokenRelayKind.EarlyDelete => services.AddHostedService<EarlyDeleteRelay>(),
            BrokenRelayKind.NoClaim => services.AddHostedService<NoClaimRelay>(),
            _ => services,
        };
    }
}
