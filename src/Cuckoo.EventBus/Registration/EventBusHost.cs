using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Hosting;

namespace Cuckoo.EventBus;

/// <summary>
/// Starts and stops the bus with its host: relays before consumers, so that what handlers publish leaves at once, and stops
/// them in the opposite order. A host whose roles are both off touches neither broker nor database.
/// </summary>
internal sealed class EventBusHost(
    BusSettings settings, EventBusDatabases databases, SchemaCheck schema, KafkaClients clients, Topics topics, OutboxRelays relays, ConsumerGroups consumers) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        ThrowIfMisconfigured();
        var relay = settings.Options.Relay.Enabled;
        var consume = settings.Options.ConsumersEnabled;
        if (relay || consume)
        {
            if (await schema.FindErrorsAsync(cancellationToken).ConfigureAwait(false) is { Count: > 0 } errors)
            {
                throw new EventBusConfigurationException(errors);
            }

            await topics.StartAsync(cancellationToken).ConfigureAwait(false);
        }

        if (relay)
        {
            relays.Start();
        }

        if (consume)
        {
            consumers.Start();
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await consumers.StopAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await relays.StopAsync(cancellationToken).ConfigureAwait(false);
            await topics.StopAsync().ConfigureAwait(false);
        }
    }

    private void ThrowIfMisconfigured()
    {
        var errors = new List<string>(settings.Errors);
        foreach (var database in databases.All)
        {
            try
            {
                _ = database.Layout;
            }
            catch (EventBusConfigurationException e)
            {
                errors.AddRange(e.Errors);
            }
        }

        if (settings.Options.BootstrapServers.Length > 0)
        {
            errors.AddRange(clients.Check());
        }

        if (errors.Count > 0)
        {
            throw new EventBusConfigurationException(errors);
        }
    }
}
