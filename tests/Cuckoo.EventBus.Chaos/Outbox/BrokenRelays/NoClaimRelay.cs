using Confluent.Kafka;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Outbox.BrokenRelays;

/// <summary>
/// Loops that share the work row by row: nothing is lost, but of two rows of a key each may be in another loop's hands, and
/// the later one may be sent first.
/// </summary>
internal sealed class NoClaimRelay(WorkerSettings settings) : BrokenRelay(settings)
{
    protected override int Loops => 4;

    protected override async Task<bool> RelayAsync(NpgsqlConnection connection, IProducer<byte[]?, byte[]?> producer, CancellationToken ct)
    {
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var rows = await ReadAsync(connection, "SELECT id, topic, key, event_id, payload FROM outbox_messages ORDER BY id LIMIT 3 FOR UPDATE SKIP LOCKED", ct);
        await SendAsync(producer, rows, ct);
        await DeleteAsync(connection, rows, ct);
        await transaction.CommitAsync(ct);
        return rows.Count > 0;
    }
}
