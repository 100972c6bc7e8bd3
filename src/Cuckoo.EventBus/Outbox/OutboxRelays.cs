using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Outbox;

/// <summary>The relays of the service's outboxes, one each. Started and stopped by the host.</summary>
internal sealed class OutboxRelays(
    EventBusDatabases databases, BusSettings settings, KafkaClients clients, OutboxSignals signals, TimeProvider time, ILoggerFactory loggers)
{
    private List<Relay> _relays = [];

    public void Start()
    {
        _relays = [.. databases.All.Select(database => new Relay(database, settings.Options.Relay, clients, time, loggers))];
        foreach (var relay in _relays)
        {
            signals.Committed += relay.Signal;
            relay.Start();
        }
    }

    public async Task StopAsync(CancellationToken ct)
    {
        var relays = _relays;
        _relays = [];
        foreach (var relay in relays)
        {
            signals.Committed -= relay.Signal;
        }

        await Task.WhenAll(relays.Select(relay => relay.StopAsync(ct))).ConfigureAwait(false);
        foreach (var relay in relays)
        {
            await relay.DisposeAsync().ConfigureAwait(false);
        }
    }
}
