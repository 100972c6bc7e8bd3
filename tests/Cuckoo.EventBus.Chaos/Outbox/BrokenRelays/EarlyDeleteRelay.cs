using Confluent.Kafka;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Outbox.BrokenRelays;

/// <summary>
/// Takes the rows out before Kafka has acknowledged them: who is killed in between has lost them. Each worker has its share of
/// the lanes to itself, so that this flaw is the only one.
/// </summary>
internal sealed class EarlyDeleteRelay(WorkerSettings settings) : BrokenRelay(settings)
{
    /// <summary>Batches as large as that are what its author wanted; most of the time it is in between.</summary>
    protected override int LingerMs => 100;

    protected override async Task<bool> RelayAsync(NpgsqlConnection connection, IProducer<byte[]?, byte[]?> producer, CancellationToken ct)
    {
        var rows = await ReadAsync(
            connection, "SELECT id, topic, key, event_id, payload FROM outbox_messages WHERE lane % $1 = $2 ORDER BY id LIMIT 500", ct, Settings.Slots, Settings.Slot);
        await DeleteAsync(connection, rows, ct);
        await SendAsync(producer, rows, CancellationToken.None);
        return rows.Count > 0;
    }
}
