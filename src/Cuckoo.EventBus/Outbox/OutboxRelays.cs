using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Outbox;

/// <summary>The relays of the service's outboxes, one each. Started and stopped by the host.</summary>
internal sealed class OutboxRelays(
    EventBusDatabases databases, BusSettings settings, KafkaClients clients, OutboxSignals signals, TimeProvider time, BusLoggers loggers) : IDisposable
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
        await Task.WhenAll(_relays.Select(relay => relay.StopAsync(ct))).ConfigureAwait(false);
        Dispose();
    }

    /// <summary>Also ends relays of a host that failed to start, and so is never stopped.</summary>
    public void Dispose()
    {
        foreach (var relay in _relays)
        {
            signals.Committed -= relay.Signal;
            relay.Dispose();
        }

        _relays = [];
    }
}
