using Confluent.Kafka;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Outbox.BrokenRelays;

/// <summary>
/// Goes on behind the last id it has read. Ids are given out before they commit, so a transaction that takes its time commits
/// rows behind the cursor's back: they stay for ever, or until another process begins, behind later ones of their keys.
/// </summary>
internal sealed class CursorRelay(WorkerSettings settings) : BrokenRelay(settings)
{
    private long _last;

    protected override async Task<bool> RelayAsync(NpgsqlConnection connection, IProducer<byte[]?, byte[]?> producer, CancellationToken ct)
    {
        var rows = await ReadAsync(connection, "SELECT id, topic, key, event_id, payload FROM outbox_messages WHERE id > $1 ORDER BY id LIMIT 500", ct, _last);
        await SendAsync(producer, rows, ct);
        await DeleteAsync(connection, rows, ct);
        _last = rows.Count > 0 ? rows[^1].Id : _last;
        return rows.Count > 0;
    }
}
