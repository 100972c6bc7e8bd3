using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Text;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Works on the outbox of one database in parts, each a transaction of its own. Invariant: it never makes a row pending below
/// a floor that an owner trusts: requeued rows get new ids, and where rows return to their old ones the lane is taken from its
/// owner in the same transaction, so that the next one begins at the beginning.
/// </summary>
internal class OutboxAdministration(EventBusDatabase database, OutboxSignals signals) : IOutboxAdministration
{
    private const int Part = 500;

    private const string Columns = "id, state, topic, key, event_id, type, created_at, due_at, attempts, last_error, CAST(length(payload) AS bigint), lane";

    /// <summary>The administration of the service's only outbox.</summary>
    /// <exception cref="EventBusException">It has none, or several.</exception>
    public static IOutboxAdministration Create(EventBusDatabases databases, OutboxSignals signals) => databases.All.ToList() switch
    {
        [var only] => new OutboxAdministration(only, signals),
        [] => throw new EventBusException("The service has no outbox to administer. Add UseOutbox<TContext>() to AddCuckooEventBus."),
        var several => throw new EventBusException(
            $"The service has several outboxes ({string.Join(", ", several.Select(d => d.Name))}). Ask for IOutboxAdministration<TContext> of the one you mean."),
    };

    public async IAsyncEnumerable<OutboxEntry> ListAsync(OutboxFilter filter, [EnumeratorCancellation] CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        List<Row> rows;
        var after = long.MinValue;
        do
        {
            rows = await ReadAsync(filter, after, "", ct).ConfigureAwait(false);
            foreach (var row in rows)
            {
                after = row.Entry.Id;
                yield return row.Entry;
            }
        }
        while (rows.Count == Part);
    }

    public async Task<OutboxEntry?> FindAsync(long id, CancellationToken ct = default)
    {
        if (await ReadAsync(new OutboxFilter { Ids = [id] }, long.MinValue, "", ct).ConfigureAwait(false) is not [var row])
        {
            return null;
        }

        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"SELECT headers, payload FROM {database.Layout.OutboxMessages} WHERE id = @id");
        command.AddParameter("id", id);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        return await reader.ReadAsync(ct).ConfigureAwait(false)
            ? row.Entry with
            {
                Headers = StoredRecordSql.HeadersOf(reader.GetByteArray(0) ?? []),
                Payload = reader.GetByteArray(1),
            }
            : null;
    }

    public Task<long> RequeueAsync(OutboxFilter filter, IProgress<long>? progress = null, CancellationToken ct = default) =>
        InPartsAsync(filter, " AND (state = 3 OR (state = 1 AND due_at IS NOT NULL))", RequeueAsync, progress, ct);

    public Task<long> DiscardAsync(OutboxFilter filter, IProgress<long>? progress = null, CancellationToken ct = default) =>
        InPartsAsync(filter, "", DiscardAsync, progress, ct);

    private async Task<long> InPartsAsync(
        OutboxFilter filter, string condition, Func<DatabaseSession, List<Row>, CancellationToken, Task<long>> work, IProgress<long>? progress, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (filter.IsEmpty)
        {
            throw new ArgumentException("The filter is empty, which would mean every event of the outbox. Set a state for instance.", nameof(filter));
        }

        var total = 0L;
        var after = long.MinValue;
        List<Row> rows;
        do
        {
            ct.ThrowIfCancellationRequested();
            rows = await ReadAsync(filter, after, condition, ct).ConfigureAwait(false);
            if (rows.Count > 0)
            {
                after = rows[^1].Entry.Id;
                using (await database.EnterWriteAsync(ct).ConfigureAwait(false))
                {
                    await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
                    total += await work(session, rows, ct).ConfigureAwait(false);
                }

                signals.Raise(database, rows.Select(r => r.Lane).ToHashSet(), due: null);
                progress?.Report(total);
            }
        }
        while (rows.Count == Part);
        return total;
    }

    private async Task<long> RequeueAsync(DatabaseSession session, List<Row> rows, CancellationToken ct)
    {
        var (dialect, messages) = (database.Layout.Dialect, database.Layout.OutboxMessages);
        var ids = rows.ConvertAll(r => r.Entry.Id);
        var done = 0L;
        await using (var wait = session.Command($"UPDATE {messages} SET due_at = {dialect.Now} WHERE {dialect.IsOneOf("id", "@ids")} AND state = 1 AND due_at > {dialect.Now}"))
        {
            wait.AddParameter("ids", dialect.Ids(ids));
            done += await wait.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }

        var dead = rows.FindAll(r => r.Entry.State == OutboxEntryState.Dead).ConvertAll(r => r.Entry.Id);
        if (dead.Count > 0)
        {
            const string Kept = "lane, topic, key, event_id, type, headers, payload, created_at, ";
            await using var renumber = session.Command(dialect.Renumber(
                messages,
                Kept + "due_at, attempts, last_error, state",
                Kept + "NULL, 0, NULL, 0",
                $"{dialect.IsOneOf("id", "@ids")} AND state = 3",
                "id",
                Part));
            renumber.AddParameter("ids", dialect.Ids(dead));
            await session.InTransactionAsync(dialect, renumber, () => renumber.ExecuteNonQueryAsync(ct), ct).ConfigureAwait(false);
            // How many it were is not known on every database; who else may have been at them is a person too.
            done += dead.Count;
        }

        return done;
    }

    private async Task<long> DiscardAsync(DatabaseSession session, List<Row> rows, CancellationToken ct)
    {
        var (dialect, messages) = (database.Layout.Dialect, database.Layout.OutboxMessages);
        var done = 0L;
        foreach (var row in rows.Where(r => r.Entry is { State: OutboxEntryState.Waiting, DueAt: not null }))
        {
            done += await DiscardHeadAsync(session, row, ct).ConfigureAwait(false);
        }

        await using var delete = session.Command($"DELETE FROM {messages} WHERE {dialect.IsOneOf("id", "@ids")} AND (state <> 1 OR due_at IS NULL)");
        delete.AddParameter("ids", dialect.Ids(rows.ConvertAll(r => r.Entry.Id)));
        return done + await delete.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Those behind it return to where their ids put them, so its lane's owner must begin anew.</summary>
    private async Task<long> DiscardHeadAsync(DatabaseSession session, Row row, CancellationToken ct)
    {
        var (messages, lanes) = (database.Layout.OutboxMessages, database.Layout.OutboxLanes);
        await using var transaction = await session.Connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, ct).ConfigureAwait(false);
        await RunAsync($"UPDATE {lanes} SET owner = NULL, lease_until = NULL, claim = claim + 1, floor = 0 WHERE lane = @lane").ConfigureAwait(false);
        var deleted = await RunAsync($"DELETE FROM {messages} WHERE id = @id AND lane = @lane AND state = 1").ConfigureAwait(false);
        if (row.Key is not null)
        {
            await RunAsync($"UPDATE {messages} SET state = 0 WHERE lane = @lane AND state = 1 AND due_at IS NULL AND topic = @topic AND key = @key").ConfigureAwait(false);
        }

        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return deleted;

        async Task<int> RunAsync(string sql)
        {
            await using var command = session.Command(sql, transaction);
            command.AddParameter("lane", row.Lane);
            command.AddParameter("id", row.Entry.Id);
            command.AddParameter("topic", row.Entry.Topic);
            command.AddParameter("key", row.Key, DbType.Binary);
            return await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }
    }

    private async Task<List<Row>> ReadAsync(OutboxFilter filter, long after, string condition, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command("");
        command.CommandText = $"SELECT {Columns} FROM {database.Layout.OutboxMessages} WHERE id > @after{Conditions(filter, command)}{condition} ORDER BY id LIMIT {Part}";
        command.AddParameter("after", after);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var rows = new List<Row>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            rows.Add(RowOf(reader));
        }

        return rows;
    }

    private string Conditions(OutboxFilter filter, DbCommand command)
    {
        var sql = new StringBuilder();
        Add(filter.Ids is { } ids ? database.Layout.Dialect.Ids(ids) : null, "ids", database.Layout.Dialect.IsOneOf("id", "@ids"));
        Add(filter.State is { } state ? (short)state : null, "state", "state = @state");
        Add(filter.Topic, "topic", "topic = @topic");
        Add(filter.Key is { } key ? Encoding.UTF8.GetBytes(key) : null, "key", "key = @key");
        Add(filter.EventType, "type", "type = @type");
        Add(filter.EventId, "event", "event_id = @event");
        Add(filter.CreatedFrom?.UtcDateTime, "from", "created_at >= @from");
        Add(filter.CreatedBefore?.UtcDateTime, "before", "created_at < @before");
        return sql.ToString();

        void Add(object? value, string name, string condition)
        {
            if (value is not null)
            {
                sql.Append(" AND ").Append(condition);
                command.AddParameter(name, value);
            }
        }
    }

    private static Row RowOf(DbDataReader reader)
    {
        var key = reader.GetByteArray(3);
        return new Row(
            new OutboxEntry
            {
                Id = reader.GetInt64(0),
                State = (OutboxEntryState)reader.GetInt16(1),
                Topic = reader.GetString(2),
                Key = key is null ? null : Encoding.UTF8.GetString(key),
                EventId = reader.GetString(4),
                EventType = reader.GetString(5),
                CreatedAt = TimeOf(reader, 6),
                DueAt = reader.IsDBNull(7) || reader.GetInt16(1) == (short)OutboxEntryState.Dead ? null : TimeOf(reader, 7),
                Attempts = reader.GetInt32(8),
                LastError = reader.IsDBNull(9) ? null : reader.GetString(9),
                PayloadBytes = reader.IsDBNull(10) ? 0 : reader.GetInt64(10),
            },
            key,
            reader.GetInt16(11));
    }

    private static DateTimeOffset TimeOf(DbDataReader reader, int column) => new(DateTime.SpecifyKind(reader.GetDateTime(column), DateTimeKind.Utc));

    private sealed record Row(OutboxEntry Entry, byte[]? Key, short Lane);
}

/// <summary>The administration of one of several outboxes.</summary>
internal sealed class OutboxAdministration<TContext>(EventBusDatabases databases, OutboxSignals signals) : OutboxAdministration(DatabaseOf(databases), signals), IOutboxAdministration<TContext>
    where TContext : DbContext
{
    private static EventBusDatabase DatabaseOf(EventBusDatabases databases) => databases.Find(typeof(TContext))
        ?? throw new EventBusException($"{typeof(TContext).Name} has no outbox. Add UseOutbox<{typeof(TContext).Name}>() to AddCuckooEventBus.");
}
