using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Publishing;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus;

/// <summary>The bus's services, added once per service collection however often <c>AddCuckooEventBus</c> is called.</summary>
internal static class BusRegistration
{
    public static EventBusBuilder BuilderOf(IServiceCollection services)
    {
        if (services.FirstOrDefault(s => s.ServiceType == typeof(EventBusBuilder))?.ImplementationInstance is EventBusBuilder existing)
        {
            return existing;
        }

        var builder = new EventBusBuilder(services);
        services.AddSingleton(builder);
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<BusLoggers>();
        // Made for each scope, so its logger is not.
        services.AddSingleton<ILogger<EventPublisher>>(s => s.GetRequiredService<BusLoggers>().CreateLogger<EventPublisher>());
        services.AddSingleton(s => new BusSettingsReader(builder, s.GetService<IConfiguration>(), s.GetService<IHostEnvironment>()).Read());
        services.AddSingleton<EventBusDatabases>();
        services.AddSingleton<SchemaCheck>();
        services.AddSingleton<KafkaClients>();
        services.AddSingleton<Topics>();
        services.AddSingleton<DirectSender>();
        services.AddSingleton<EventEncoder>();
        services.AddSingleton<OutboxWriter>();
        services.AddSingleton<OutboxSignals>();
        services.AddSingleton<OutboxInterceptor>();
        services.AddSingleton<OutboxRelays>();
        services.AddSingleton(s => OutboxAdministration.Create(s.GetRequiredService<EventBusDatabases>(), s.GetRequiredService<OutboxSignals>()));
        services.AddSingleton(typeof(IOutboxAdministration<>), typeof(OutboxAdministration<>));
        services.AddSingleton(s => DeadLetterAdministration.Create(
            s.GetRequiredService<EventBusDatabases>(), s.GetRequiredService<BusSettings>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<DeadLetterAdministration>>()));
        services.AddSingleton(typeof(IDeadLetterAdministration<>), typeof(DeadLetterAdministration<>));
        services.AddSingleton(s => ParkedAdministration.Create(
            s.GetRequiredService<EventBusDatabases>(),
            s.GetRequiredService<BusSettings>(),
            s.GetRequiredService<OutboxWriter>(),
            s.GetRequiredService<OutboxSignals>(),
            s.GetRequiredService<TimeProvider>(),
            s.GetRequiredService<ILogger<ParkedAdministration>>()));
        services.AddSingleton(typeof(IParkedAdministration<>), typeof(ParkedAdministration<>));
        services.AddSingleton<BrokerProbe>();
        services.AddSingleton<ConsumerGates>();
        services.AddSingleton<ConsumerGroups>();
        services.AddSingleton<IConsumerAdministration, ConsumerAdministration>();
        services.AddSingleton<IDirectEventPublisher, DirectEventPublisher>();
        services.AddScoped<IEventPublisher>(EventPublisher.Create);
        services.AddHostedService<EventBusHost>();
        return builder;
    }
}
