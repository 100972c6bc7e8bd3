using Cuckoo.EventBus.Chaos.Consumer.Flaws;
using Cuckoo.EventBus.Chaos.Workers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>A service with several consumers of one event, hosted as a user would. Its times are short, so that a run sees all of it.</summary>
internal static class ConsumerWorker
{
    public const string Role = "consumer-worker";

    /// <summary>The names of the consumers, each of which has its own outcome for every event.</summary>
    public static IReadOnlyList<string> Consumers { get; } = ["ledger", "mirror"];

    public static Task<int> RunAsync(ConsumerWorkerSettings settings)
    {
        var configuration = new Dictionary<string, string?>
        {
            ["EventBus:BootstrapServers"] = settings.Brokers,
            ["EventBus:TopicPrefix"] = settings.TopicPrefix,
            ["EventBus:ServiceName"] = settings.Group,
            ["EventBus:StopTimeout"] = "00:00:05",
            ["EventBus:Consumers:mirror:Concurrency"] = "3",
        };
        foreach (var (name, value) in GroupSettings.Of(settings.Protocol))
        {
            configuration[$"EventBus:Kafka:Consumer:{name}"] = value;
        }

        if (settings.StaticMember is { } member)
        {
            configuration["EventBus:Kafka:Consumer:group.instance.id"] = member;
        }

        return WorkerHost.RunAsync(configuration, services => Configure(services, settings));
    }

    private static void Configure(IServiceCollection services, ConsumerWorkerSettings settings)
    {
        void Options(DbContextOptionsBuilder options) =>
            options.UseNpgsql(settings.Database, npgsql => _ = settings.Retries ? npgsql.EnableRetryOnFailure() : npgsql)
                .ConfigureWarnings(warnings => warnings.Ignore(Microsoft.EntityFrameworkCore.Diagnostics.CoreEventId.SaveChangesFailed));

        services.AddSingleton(settings);
        services.AddSingleton<TimeProvider>(new ShiftedClock(settings.ClockOffset));
        services.AddScoped<Effect>();
        _ = settings.Pools ? services.AddDbContextPool<ConsumerContext>(Options) : services.AddDbContext<ConsumerContext>(Options);
        services.AddCuckooEventBus(bus =>
        {
            bus.UseOutbox<ConsumerContext>().Publishes<Answered>();
            foreach (var consumer in Consumers)
            {
                bus.AddConsumer<MoveHandler>(consumer, Configure);
            }

            Plant(settings.Flaw, bus);
        });
    }

    private static void Configure(ConsumerOptions options)
    {
        options.Attempts = Fate.Attempts;
        options.RetryDelay = TimeSpan.FromMilliseconds(50);
        options.ParkedAttempts = Fate.ParkedAttempts;
        options.ParkedRetryDelay = TimeSpan.FromSeconds(1);
        options.AttemptTimeout = TimeSpan.FromSeconds(10);
        options.Park<HandlerParksException>().Reject<HandlerRejectsException>();
    }

    private static void Plant(string? flaw, EventBusBuilder bus)
    {
        switch (flaw)
        {
            case ConsumerFlaws.NoInbox:
                bus.Services.AddHostedService<InboxEraser>();
                break;
            case ConsumerFlaws.OneTooFar:
                StoredOffsets.PutOneTooFar();
                break;
            case ConsumerFlaws.NoLanes:
                bus.OnConsume(OutsideLanes.RunAsync);
                break;
        }
    }
}
