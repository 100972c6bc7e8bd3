using Cuckoo.EventBus.Chaos.Outbox.BrokenRelays;
using Cuckoo.EventBus.Chaos.Workers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>A service with an outbox, hosted as a user would, and busy.</summary>
internal static class OutboxWorker
{
    public const string Role = "outbox-worker";

    public static Task<int> RunAsync(WorkerSettings settings) => WorkerHost.RunAsync(
        new Dictionary<string, string?>
        {
            ["EventBus:BootstrapServers"] = settings.Brokers,
            ["EventBus:TopicPrefix"] = settings.TopicPrefix,
            ["EventBus:Relay:Enabled"] = settings.Flaw is null ? "true" : "false",
        },
        services => Configure(services, settings));

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
        _ = settings.Flaw switch
        {
            OutboxFlaws.Cursor => services.AddHostedService<CursorRelay>(),
            OutboxFlaws.EarlyDelete => services.AddHostedService<EarlyDeleteRelay>(),
            OutboxFlaws.NoClaim => services.AddHostedService<NoClaimRelay>(),
            _ => services,
        };
    }
}
