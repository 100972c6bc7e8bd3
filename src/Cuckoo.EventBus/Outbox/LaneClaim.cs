using System.Data.Common;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// The protocol by which one relay at a time drains a lane. Invariants: a lane has one owner whose lease has not passed, on the
/// database's clock; rows committed before someone's claim-or-wake are seen by the holder's next read, because a release fails
/// while the wake flag is set and every claim or hold clears it before the read that follows it; and only the owner, under the
/// lock of the lane's row, takes rows of a key out of the pending ones or puts them back.
/// </summary>
/// <remarks>
/// Claim and read are two statements of one transaction: in one, the read's snapshot could be older than the deletes of the
/// owner before. No session state but prepared statements, and those not behind a transaction pooler, so it works there as well.
/// For one drain at a time, not for concurrent use.
/// </remarks>
internal sealed class LaneClaim(LaneSql sql, SqlDialect dialect, short lane, string owner, RelayOptions options)
{
    private long _claim;

    /// <summary>The lane's floor when it was claimed.</summary>
    public long Floor { get; private set; }

    /// <summary>Claims the lane and reads its first rows.</summary>
    /// <param name="session">The connection to use.</param>
    /// <param name="limit">How many rows at most.</param>
    /// <param name="resetFloor">Whether to read from the very beginning.</param>
    /// <param name="asksWriters">Whether to ask who is writing.</param>
    /// <param name="ct">The stop.</param>
    /// <returns><see langword="null"/> if another relay has the lane: it is woken and will see the rows.</returns>
    public Task<LaneRead?> ClaimAsync(DatabaseSession session, int limit, bool resetFloor, bool asksWriters, CancellationToken ct)
    {
        var command = Kept(session, sql.ClaimAndRead(asksWriters));
        command.SetParameter("lease", options.Lease.TotalSeconds);
        command.SetParameter("limit", limit);
        command.SetParameter("reset", resetFloor);
        return ReadAsync(session, command, isPrepared: !asksWriters, limit, asksWriters, ct);
    }

    /// <summary>Deletes what is acknowledged, keeps the lane and reads the next rows.</summary>
    /// <returns><see langword="null"/> if the lane is another's by now.</returns>
    public Task<LaneRead?> ReadAsync(DatabaseSession session, LaneStep step, int limit, bool asksWriters, CancellationToken ct)
    {
        var (deletesFew, parks, skips) = (step.Done.Count is > 0 and < LaneSql.ManyDeletes, step.Park.Count > 0, step.Skip.Count > 0);
        var command = Kept(session, sql.HoldAndRead(step.Done.Count, parks, asksWriters, skips));
        SetStep(command, step);
        command.SetParameter("lease", options.Lease.TotalSeconds);
        if (parks)
        {
            command.SetParameter("park", dialect.Ids(step.Park));
        }

        if (skips)
        {
            command.SetParameter("skip", dialect.Ids(step.Skip));
        }

        command.SetParameter("floor", step.Floor);
        command.SetParameter("limit", limit);
        return ReadAsync(session, command, isPrepared: !deletesFew && !parks && !asksWriters && !skips, limit, asksWriters, ct);
    }

    /// <summary>Deletes what is acknowledged and lets the lane go, unless someone has committed rows since the last read.</summary>
    /// <returns>Whether the lane is no longer ours to drain.</returns>
    public async Task<bool> ReleaseAsync(DatabaseSession session, LaneStep step, CancellationToken ct)
    {
        var command = Kept(session, sql.Release(step.Done.Count));
        SetStep(command, step);
        return await session.InTransactionAsync(dialect, command, () => AnswersAsync(command, ct), ct).ConfigureAwait(false);
    }

    /// <summary>Keeps the lease while the broker takes its time.</summary>
    /// <returns>Whether the lane is still ours.</returns>
    public async Task<bool> RenewAsync(DatabaseSession session, CancellationToken ct)
    {
        await using var command = Command(session, sql.Renew);
        command.AddParameter("claim", _claim);
        command.AddParameter("lease", options.Lease.TotalSeconds);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        return await reader.ReadAsync(ct).ConfigureAwait(false);
    }

    /// <summary>The keys that wait behind a rejected row, and its id. As long as the lane is ours only we change them.</summary>
    /// <returns><see langword="null"/> if the lane is another's by now.</returns>
    public async Task<Dictionary<RowKey, long>?> WaitingKeysAsync(DatabaseSession session, CancellationToken ct)
    {
        await using var command = Command(session, sql.Heads);
        command.AddParameter("claim", _claim);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        Dictionary<RowKey, long>? keys = null;
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            keys ??= [];
            if (!reader.IsDBNull(0))
            {
                // The lowest id comes last.
                keys[new RowKey(reader.GetString(1), reader.GetByteArray(2)!)] = reader.GetInt64(0);
            }
        }

        return keys;
    }

    /// <summary>Rejected rows that are due again.</summary>
    public async Task<List<PendingRow>> DueAsync(DatabaseSession session, IReadOnlyCollection<long> skip, int limit, CancellationToken ct)
    {
        await using var command = Command(session, sql.DueHeads);
        command.AddParameter("claim", _claim);
        command.AddParameter("skip", dialect.Ids(skip));
        command.AddParameter("limit", limit);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var read = new LaneRead();
        await ReadRowsAsync(reader, read, ct).ConfigureAwait(false);
        return read.Rows;
    }

    /// <summary>Charges a rejected row with an attempt: it waits, and its key with it, or is dead, and its key goes on.</summary>
    /// <returns>What became of it; <see langword="null"/> if the lane or the row is ours no longer.</returns>
    public async Task<RejectedRow?> RejectAsync(DatabaseSession session, PendingRow row, string error, CancellationToken ct)
    {
        await using var command = Command(session, sql.Lock + "\n" + sql.Reject + (row.Key is null ? "" : "\n" + sql.Return));
        AddRow(command, row);
        command.AddParameter("delay", RetrySchedule.Delay(row.Attempts, options.RetryDelay, options.MaxRetryDelay).TotalSeconds);
        command.AddParameter("max", options.MaxAttempts);
        command.AddParameter("error", ErrorText.Storable(error));
        RejectedRow? answer = null;
        return await session.InTransactionAsync(
            dialect,
            command,
            async () =>
            {
                await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
                do
                {
                    if (reader.FieldCount > 0 && await reader.ReadAsync(ct).ConfigureAwait(false))
                    {
                        answer = new RejectedRow(row, (OutboxEntryState)reader.GetInt16(0), reader.GetInt32(1), reader.GetString(2), reader.GetString(3));
                    }
                }
                while (await reader.NextResultAsync(ct).ConfigureAwait(false));
                return answer;
            },
            ct).ConfigureAwait(false);
    }

    /// <summary>Deletes a rejected row that the broker took in the end; those behind it return.</summary>
    public async Task<int> DeliveredAsync(DatabaseSession session, PendingRow row, CancellationToken ct)
    {
        await using var command = Command(session, sql.Lock + "\n" + sql.DeleteHead + (row.Key is null ? "" : "\n" + sql.Return));
        AddRow(command, row);
        return await session.InTransactionAsync(dialect, command, () => command.ExecuteNonQueryAsync(ct), ct).ConfigureAwait(false);
    }

    /// <summary>Rows that wait behind nobody return: someone deleted a rejected row by hand.</summary>
    public async Task<int> ReturnOrphansAsync(DatabaseSession session, CancellationToken ct)
    {
        await using var command = Command(session, sql.Lock + "\n" + sql.ReturnOrphans);
        command.AddParameter("claim", _claim);
        command.AddParameter("lease", options.Lease.TotalSeconds);
        return await session.InTransactionAsync(dialect, command, () => command.ExecuteNonQueryAsync(ct), ct).ConfigureAwait(false);
    }

    private static async Task<bool> AnswersAsync(DbCommand command, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var answered = false;
        do
        {
            answered |= reader.FieldCount > 0 && reader.GetName(0) == "lane" && await reader.ReadAsync(ct).ConfigureAwait(false);
        }
        while (await reader.NextResultAsync(ct).ConfigureAwait(false));
        return answered;
    }

    private void AddRow(DbCommand command, PendingRow row)
    {
        command.AddParameter("claim", _claim);
        command.AddParameter("lease", options.Lease.TotalSeconds);
        command.AddParameter("id", row.Id);
        if (row.Key is not null)
        {
            command.AddParameter("topic", row.Topic);
            command.AddParameter("key", row.Key);
        }
    }

    private void SetStep(DbCommand command, LaneStep step)
    {
        if (step.Done.Count > 0)
        {
            command.SetParameter("done", dialect.Ids(step.Done));
        }

        command.SetParameter("claim", _claim);
        command.SetParameter("durable", step.DurableFloor);
    }

    private DbCommand Kept(DatabaseSession session, string statements)
    {
        var command = session.Kept(statements);
        command.SetParameter("lane", lane);
        command.SetParameter("owner", owner);
        return command;
    }

    private DbCommand Command(DatabaseSession session, string statements)
    {
        var command = session.Command(statements);
        command.AddParameter("lane", lane);
        command.AddParameter("owner", owner);
        return command;
    }

    /// <param name="session">The session to use.</param>
    /// <param name="command">The command, which is kept.</param>
    /// <param name="isPrepared">
    /// Whether it is one of few. Not with rows to skip: a plan for any number of them compares each row with each. Not with few
    /// rows to delete: a plan that was made while the table was small would look through all of a large one.
    /// </param>
    /// <param name="limit">The rows asked for.</param>
    /// <param name="asksWriters">Whether it asks who is writing.</param>
    /// <param name="ct">The stop.</param>
    private async Task<LaneRead?> ReadAsync(DatabaseSession session, DbCommand command, bool isPrepared, int limit, bool asksWriters, CancellationToken ct)
    {
        if (isPrepared)
        {
            await session.PrepareAsync(dialect, command, ct).ConfigureAwait(false);
        }

        return await session.InTransactionAsync(dialect, command, () => ReadAsync(command, limit, asksWriters, ct), ct).ConfigureAwait(false);
    }

    private async Task<LaneRead?> ReadAsync(DbCommand command, int limit, bool asksWriters, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var read = new LaneRead { Writers = asksWriters ? [] : null };
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
                    _claim = isOurs ? reader.GetInt64(1) : _claim;
                    Floor = reader.GetInt64(2);
                    break;
                case "virtualtransaction":
                    while (await reader.ReadAsync(ct).ConfigureAwait(false))
                    {
                        read.Writers!.Add(reader.GetString(0));
                    }

                    break;
                case "id" when isOurs:
                    var isWhole = await ReadRowsAsync(reader, read, ct).ConfigureAwait(false);
                    read.IsComplete = isWhole && read.Rows.Count < limit;
                    break;
            }
        }
        while (await reader.NextResultAsync(ct).ConfigureAwait(false));
        return isOurs ? read : null;
    }

    /// <summary>Takes rows until their bytes are enough.</summary>
    /// <returns>Whether there was no further row.</returns>
    private async Task<bool> ReadRowsAsync(DbDataReader reader, LaneRead read, CancellationToken ct)
    {
        var topic = "";
        for (var bytes = 0L; await reader.ReadAsync(ct).ConfigureAwait(false);)
        {
            if (bytes >= options.BatchBytes)
            {
                return false;
            }

            // One string for rows of one topic, which may wait for the broker for long.
            var name = reader.GetString(1);
            topic = topic == name ? topic : name;
            var row = new PendingRow
            {
                Id = reader.GetInt64(0),
                Topic = topic,
                Key = reader.GetByteArray(2),
                Headers = reader.GetByteArray(3) ?? [],
                Payload = reader.GetByteArray(4),
                Attempts = reader.GetInt32(5),
            };
            read.HasWaiting = reader.GetBoolean(6);
            read.Rows.Add(row);
            bytes += row.Bytes;
        }

        return true;
    }
}
