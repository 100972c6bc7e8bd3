using System.Data;
using System.Data.Common;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// The parked records of one database. Invariants: a row is written in the transaction that writes its event's outcome
/// <see cref="InboxOutcome.Parked"/>, and deleted in the one that turns this into another; a key's rows are handled in the order of
/// their ids; the first one has a due time, given to it in the transaction that deletes the one before. (A row that someone else
/// wrote meanwhile, a process that lost the partition, may have none: whoever gets its record from the topic finds it parked
/// and calls <see cref="HoldsAsync"/>.) Rows behind the first one may be due as well, where a person has put them; who finds them
/// goes to the first one. Safe for concurrent use.
/// </summary>
internal sealed class RetryStore(EventBusDatabase database, InboxStore inbox, TimeProvider time)
{
    private string Table => database.Layout.RetryMessages;

    private SqlDialect Dialect => database.Layout.Dialect;

    /// <param name="incoming">The event.</param>
    /// <param name="key">Its identity at its consumer.</param>
    /// <param name="failure">Why; <see langword="null"/> behind another row of its key.</param>
    /// <param name="delay">Until it is tried again; <see langword="null"/> behind another row of its key.</param>
    /// <param name="ct">Cancels it.</param>
    /// <returns><see langword="null"/> if it is parked now; otherwise the outcome that stands already.</returns>
    public async Task<InboxOutcome?> ParkAsync(IncomingEvent incoming, InboxKey key, Failure? failure, TimeSpan? delay, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        if (await inbox.ClaimAsync(database.Layout, session.Connection, transaction, key, InboxOutcome.Parked, ct).ConfigureAwait(false) is { } standing)
        {
            return standing;
        }

        await using (var insert = Insert(session, transaction, incoming, key, failure, delay))
        {
            await insert.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }

        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return null;
    }

    /// <summary>The keys of a partition that have parked rows, with their consumers.</summary>
    public async Task<IReadOnlyList<ParkedKey>> KeysAsync(string group, PartitionId partition, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command(
            $"SELECT consumer, key FROM {Table} WHERE consumer_group = @group AND topic = @topic AND kafka_partition = @partition AND due_at IS NOT NULL AND key IS NOT NULL");
        command.AddParameter("group", group);
        command.AddParameter("topic", partition.Topic);
        command.AddParameter("partition", partition.Partition);
        var keys = new List<ParkedKey>();
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            keys.Add(new ParkedKey(reader.GetString(0), reader.GetByteArray(1)!));
        }

        return keys;
    }

    /// <summary>The rows that are due, those that are due longest first.</summary>
    public async Task<IReadOnlyList<DueRow>> DueAsync(
        string group, IReadOnlyCollection<string> consumers, IReadOnlyCollection<PartitionId> partitions, int limit, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command("");
        command.AddParameter("group", group);
        var names = consumers.Select((name, i) => Parameter($"c{i}", name));
        var places = partitions.GroupBy(partition => partition.Topic, StringComparer.Ordinal).Select((topic, i) =>
            $"(topic = {Parameter($"t{i}", topic.Key)} AND {Dialect.IsOneOf("kafka_partition", Parameter($"p{i}", Dialect.Ids([.. topic.Select(p => (long)p.Partition)])))})");
        command.CommandText = $"""
            SELECT id, consumer, topic, kafka_partition, key FROM {Table}
            WHERE consumer_group = @group AND due_at IS NOT NULL AND due_at <= {Dialect.Now} AND consumer IN ({string.Join(", ", names)}) AND ({string.Join(" OR ", places)})
            ORDER BY due_at LIMIT {limit}
            """;
        var rows = new List<DueRow>();
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            rows.Add(new DueRow(reader.GetInt64(0), reader.GetString(1), new PartitionId(reader.GetString(2), reader.GetInt32(3)), reader.GetByteArray(4)));
        }

        return rows;

        string Parameter(string name, object value)
        {
            command.AddParameter(name, value);
            return "@" + name;
        }
    }

    /// <summary>The first row of a key, or the row itself where there is no key; <see langword="null"/> if there is none.</summary>
    public async Task<ParkedRow?> FirstAsync(string group, DueRow due, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"""
            SELECT id, source, event_id, attempts, first_failed_at, replay_count, CASE WHEN due_at IS NULL OR due_at <= {Dialect.Now} THEN 1 ELSE 0 END, {StoredRecordSql.RecordColumns}
            FROM {Table} WHERE {(due.Key is null ? "id = @id" : ParkedKeySql.OfKey)} ORDER BY id LIMIT 1
            """);
        if (due.Key is null)
        {
            command.AddParameter("id", due.Id);
        }
        else
        {
            command.AddKey(group, due.Consumer, due.Partition, due.Key);
        }

        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        return await reader.ReadAsync(ct).ConfigureAwait(false)
            ? new ParkedRow
            {
                Id = reader.GetInt64(0),
                InboxKey = new InboxKey(group, due.Consumer, reader.GetString(1), reader.GetString(2)),
                Attempts = reader.GetInt32(3),
                FirstFailedAt = reader.GetUtc(4),
                ReplayCount = reader.GetInt32(5),
                IsDue = reader.GetInt32(6) == 1,
                Record = reader.ReadRecord(7),
            }
            : null;
    }

    /// <summary>Whether a key has parked rows. If the first one has no due time, it is due.</summary>
    public async Task<bool> HoldsAsync(InboxKey inboxKey, PartitionId partition, byte[] key, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using (var promote = session.Command(ParkedKeySql.Promote(database.Layout)))
        {
            promote.AddKey(inboxKey.Group, inboxKey.Consumer, partition, key);
            if (await promote.ExecuteNonQueryAsync(ct).ConfigureAwait(false) > 0)
            {
                return true;
            }
        }

        await using var any = session.Command($"SELECT 1 FROM {Table} WHERE {ParkedKeySql.OfKey} LIMIT 1");
        any.AddKey(inboxKey.Group, inboxKey.Consumer, partition, key);
        return await any.ExecuteScalarAsync(ct).ConfigureAwait(false) is not null;
    }

    /// <summary>Takes the due time from rows behind the first one, which they wait for, unless that is gone meanwhile.</summary>
    public async Task QueueAsync(ParkedRow first, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        // Whoever deletes the first one makes the next one due, and does not see that this takes its time away.
        await using (var keep = session.Command($"SELECT 1 FROM {Table} WHERE id = @id AND {ParkedKeySql.OfConsumer}{Dialect.Keep}", transaction))
        {
            keep.AddRow(first);
            if (await keep.ExecuteScalarAsync(ct).ConfigureAwait(false) is null)
            {
                return;
            }
        }

        await using (var queue = session.Command($"UPDATE {Table} SET due_at = NULL WHERE {ParkedKeySql.OfKey} AND id > @id AND {ParkedKeySql.HasDueTime}", transaction))
        {
            queue.AddKey(first);
            queue.AddParameter("id", first.Id);
            await queue.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }

        await transaction.CommitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Deletes a row and makes the next one of its key due, in the transaction that decides its event's outcome.</summary>
    /// <exception cref="UnavailableException">Another transaction holds it.</exception>
    public async Task RemoveAsync(DatabaseLayout layout, DbConnection connection, DbTransaction transaction, ParkedRow row, CancellationToken ct)
    {
        if (!row.IsFirst && row.Record.Key is not null)
        {
            // The lane that deletes the first one just now makes this one due, not the one behind it: one of the two must come after the other.
            await using var first = connection.CreateCommand();
            first.Transaction = transaction;
            first.CommandText = layout.Dialect.WithLockTimeout($"SELECT id FROM {Table} WHERE {ParkedKeySql.OfKey} ORDER BY id LIMIT 1{layout.Dialect.Lock}", InboxStore.ClaimWait);
            first.AddKey(row);
            await InboxStore.RunAsync(layout, first, ct).ConfigureAwait(false);
        }

        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"DELETE FROM {Table} WHERE id = @id AND {ParkedKeySql.OfConsumer}";
        if (row.Record.Key is not null)
        {
            command.CommandText += ";\n" + ParkedKeySql.Promote(layout);
            command.AddKey(row);
            command.AddParameter("id", row.Id);
        }
        else
        {
            command.AddRow(row);
        }

        // Who holds the row needs it for a moment, to put another one behind it, unless that process hangs.
        command.CommandText = layout.Dialect.WithLockTimeout(command.CommandText, InboxStore.ClaimWait);
        await InboxStore.RunAsync(layout, command, ct).ConfigureAwait(false);
    }

    /// <summary>Writes the outcome of a parked event whose handler ran outside of a transaction, or that was decided elsewhere.</summary>
    public async Task SettleAsync(ParkedRow row, InboxOutcome outcome, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        await inbox.SettleAsync(database.Layout, session.Connection, transaction, row.InboxKey, row.Id, outcome, ct).ConfigureAwait(false);
        await RemoveAsync(database.Layout, session.Connection, transaction, row, ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Notes a failed attempt. A row that is gone was decided elsewhere.</summary>
    public async Task RescheduleAsync(ParkedRow row, Failure failure, TimeSpan delay, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"""
            UPDATE {Table} SET attempts = @attempts, first_failed_at = @first, last_failed_at = @last, last_error = @error, due_at = {Dialect.NowPlus("@delay")}
            WHERE id = @id AND attempts = @before AND {ParkedKeySql.OfConsumer}
            """);
        command.AddRow(row);
        command.AddParameter("before", row.Attempts);
        command.AddAttempts(failure, failure.Last);
        command.AddParameter("error", failure.Message, DbType.String);
        command.AddParameter("delay", delay.TotalSeconds);
        await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
    }

    private DbCommand Insert(DatabaseSession session, DbTransaction transaction, IncomingEvent incoming, InboxKey key, Failure? failure, TimeSpan? delay)
    {
        var command = session.Command(
            $"INSERT INTO {Table} ({StoredRecordSql.Columns}, key_hash, last_error, due_at) VALUES ({StoredRecordSql.Values}, @hash, @error, {(delay is null ? ParkedKeySql.DueUnlessBehind(database.Layout) : Dialect.NowPlus("@delay"))})",
            transaction);
        command.AddStored(incoming, key, failure, time.GetUtcNow());
        command.AddParameter("hash", ParkedKey.Hash(incoming.Record.Key));
        command.AddParameter("error", failure?.Message, DbType.String);
        if (delay is { } pause)
        {
            command.AddParameter("delay", pause.TotalSeconds);
        }

        return command;
    }
}
