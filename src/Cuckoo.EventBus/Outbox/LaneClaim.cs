using System.Data.Common;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// The protocol by which one relay at a time drains a lane. Invariants: a lane has one owner whose lease has not passed, on the
/// database's clock; rows committed before someone's claim-or-wake are seen by the holder's next read, because a release
/// fails while the wake flag is set and every claim clears it before the read that follows it.
/// </summary>
/// <remarks>
/// Claim and read are two statements of one batch: in one, the read's snapshot could be older than the deletes of the owner
/// before. No session state, so it works behind a transaction pooler. For one drain at a time, not for concurrent use.
/// </remarks>
internal sealed class LaneClaim(LaneSql sql, SqlDialect dialect, DatabaseSession session, short lane, string owner, RelayOptions options)
{
    private long _claim;

    /// <summary>Deletes what is acknowledged, claims or renews, and reads the next rows.</summary>
    /// <returns><see langword="null"/> if another relay has the lane: it is woken and will see the rows.</returns>
    public async Task<List<PendingRow>?> ReadAsync(IReadOnlyCollection<long> acknowledged, int limit, CancellationToken ct)
    {
        await using var command = Command(acknowledged, sql.ClaimOrWake + "\n" + sql.Read);
        command.AddParameter("lease", options.Lease.TotalSeconds);
        command.AddParameter("limit", limit);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var rows = new List<PendingRow>();
        var isOurs = false;
        do
        {
            if (reader.FieldCount == 0)
            {
                continue;
            }

            switch (reader.GetName(0))
            {
                case "owner" when await reader.ReadAsync(ct).ConfigureAwait(false):
                    isOurs = reader.GetString(0) == owner;
                    _claim = reader.GetInt64(1);
                    break;
                case "id" when isOurs:
                    await ReadRowsAsync(reader, rows, ct).ConfigureAwait(false);
                    break;
            }
        }
        while (await reader.NextResultAsync(ct).ConfigureAwait(false));
        return isOurs ? rows : null;
    }

    /// <summary>Deletes what is acknowledged and lets the lane go, unless someone has committed rows since the last read.</summary>
    /// <returns>Whether the lane is no longer ours to drain.</returns>
    public async Task<bool> ReleaseAsync(IReadOnlyCollection<long> acknowledged, CancellationToken ct)
    {
        await using var command = Command(acknowledged, sql.Release);
        command.AddParameter("claim", _claim);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var released = false;
        do
        {
            if (reader.FieldCount > 0 && reader.GetName(0) == "lane")
            {
                released = await reader.ReadAsync(ct).ConfigureAwait(false);
            }
        }
        while (await reader.NextResultAsync(ct).ConfigureAwait(false));
        return released;
    }

    /// <summary>Keeps the lease while the broker takes its time.</summary>
    /// <returns>Whether the lane is still ours.</returns>
    public async Task<bool> RenewAsync(CancellationToken ct)
    {
        await using var command = Command([], sql.Renew);
        command.AddParameter("lease", options.Lease.TotalSeconds);
        command.AddParameter("claim", _claim);
        return await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false) == 1;
    }

    private DbCommand Command(IReadOnlyCollection<long> acknowledged, string statements)
    {
        var command = session.Command("");
        var delete = acknowledged.Count == 0 ? "" : sql.FastCommit + sql.Delete + dialect.IsOneOf(command, "id", acknowledged) + ";\n";
        command.CommandText = delete + statements;
        command.AddParameter("lane", lane);
        command.AddParameter("owner", owner);
        return command;
    }

    private async Task ReadRowsAsync(DbDataReader reader, List<PendingRow> rows, CancellationToken ct)
    {
        var bytes = 0;
        while (bytes < options.BatchBytes && await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            var row = new PendingRow
            {
                Id = reader.GetInt64(0),
                Topic = reader.GetString(1),
                Key = reader.IsDBNull(2) ? null : reader.GetFieldValue<byte[]>(2),
                EventId = reader.GetString(3),
                Type = reader.GetString(4),
                Headers = reader.GetFieldValue<byte[]>(5),
                Payload = reader.IsDBNull(6) ? null : reader.GetFieldValue<byte[]>(6),
                Attempts = reader.GetInt32(7),
            };
            rows.Add(row);
            bytes += row.Bytes;
        }
    }
}
