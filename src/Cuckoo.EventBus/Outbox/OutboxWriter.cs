using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Writes rows of the outbox inside someone's transaction, by one INSERT of many rows: called after that transaction's own
/// commands, so that ids are given out while it holds its row locks and conflicting transactions get theirs in commit order.
/// </summary>
internal sealed class OutboxWriter(TimeProvider time)
{
    /// <summary>
    /// Up to eight parameters a row. PostgreSQL takes 65,535 of them; SQLite's provider looks each one up by name among all, so that
    /// 5000 rows took six seconds by 1000 and one by 100.
    /// </summary>
    private const int RowsPerStatement = 100;

    private readonly ConcurrentDictionary<EventBusDatabase, int> _lanes = new();

    /// <summary>Writes the records and returns their lanes, to be signalled after the commit.</summary>
    public async Task<IReadOnlySet<short>> WriteAsync(
        EventBusDatabase database, DatabaseLayout layout, DbConnection connection, DbTransaction? transaction, IReadOnlyList<OutgoingRecord> records, CancellationToken ct)
    {
        if (!_lanes.TryGetValue(database, out var lanes))
        {
            await using var count = LaneCount(layout, connection, transaction);
            await using var reader = await count.ExecuteReaderAsync(ct).ConfigureAwait(false);
            await reader.ReadAsync(ct).ConfigureAwait(false);
            lanes = Remember(database, layout, reader.GetInt64(0), reader.GetInt64(1));
        }

        var written = new HashSet<short>();
        foreach (var chunk in records.Chunk(RowsPerStatement))
        {
            await using var insert = Insert(layout, connection, transaction, chunk, lanes, written);
            if (chunk.Length == 1)
            {
                // What most transactions write. Of more rows there are more texts than a connection should keep.
                await database.RunPreparedAsync(insert, ct).ConfigureAwait(false);
            }
            else
            {
                await insert.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
            }
        }

        return written;
    }

    /// <inheritdoc cref="WriteAsync"/>
    public IReadOnlySet<short> Write(
        EventBusDatabase database, DatabaseLayout layout, DbConnection connection, DbTransaction? transaction, IReadOnlyList<OutgoingRecord> records)
    {
        if (!_lanes.TryGetValue(database, out var lanes))
        {
            using var count = LaneCount(layout, connection, transaction);
            using var reader = count.ExecuteReader();
            reader.Read();
            lanes = Remember(database, layout, reader.GetInt64(0), reader.GetInt64(1));
        }

        var written = new HashSet<short>();
        foreach (var chunk in records.Chunk(RowsPerStatement))
        {
            using var insert = Insert(layout, connection, transaction, chunk, lanes, written);
            insert.ExecuteNonQuery();
        }

        return written;
    }

    private static DbCommand LaneCount(DatabaseLayout layout, DbConnection connection, DbTransaction? transaction)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"SELECT count(*), coalesce(max(hash_version), {LaneHash.Version}) FROM {layout.OutboxLanes} WHERE lane >= 0";
        return command;
    }

    private int Remember(EventBusDatabase database, DatabaseLayout layout, long lanes, long hashVersion)
    {
        if (hashVersion != LaneHash.Version)
        {
            throw new EventBusException($"{layout.OutboxLanes} of {database.Name} was made with lane hash version {hashVersion}; this version of Cuckoo.EventBus knows {LaneHash.Version}. Use the version that made it, or a later one.");
        }

        if (lanes == 0)
        {
            throw new EventBusException($"{layout.OutboxLanes} of {database.Name} has no rows: its lanes are inserted by the migration that creates it. Insert them again, 0 to AddEventBus's Lanes - 1 with hash_version {LaneHash.Version} (a database clean-up may have emptied it).");
        }

        return _lanes[database] = (int)lanes;
    }

    private DbCommand Insert(
        DatabaseLayout layout, DbConnection connection, DbTransaction? transaction, OutgoingRecord[] records, int lanes, HashSet<short> written)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        var sql = new StringBuilder(records.Length * 64)
            .Append("INSERT INTO ").Append(layout.OutboxMessages)
            .Append(" (lane, topic, key, event_id, type, headers, payload, created_at, due_at, attempts, state) VALUES ");
        command.AddParameter("now", time.GetUtcNow().UtcDateTime);
        var (topic, type) = ("", "");
        for (var i = 0; i < records.Length; i++)
        {
            var record = records[i];
            var lane = LaneHash.Lane(record.Topic, record.Key ?? Encoding.UTF8.GetBytes(record.EventId), lanes);
            var n = i.ToString(CultureInfo.InvariantCulture);
            var state = record.DeliverAt is null ? OutboxEntryState.Pending : OutboxEntryState.Scheduled;
            if (state == OutboxEntryState.Pending)
            {
                written.Add(lane);
            }

            // Events of a transaction mostly have one topic and one type: said once, since each parameter costs client and server. The
            // lane is one, so that the text is the same for as many others, which Npgsql's automatic preparation goes by.
            var isFirst = i == 0;
            if (isFirst || records[i - 1].Topic != record.Topic)
            {
                topic = "t" + n;
                command.AddParameter(topic, record.Topic);
            }

            if (isFirst || records[i - 1].EventType != record.EventType)
            {
                type = "y" + n;
                command.AddParameter(type, record.EventType);
            }

            var due = "NULL";
            if (record.DeliverAt is { } at)
            {
                due = "@d" + n;
                command.AddParameter("d" + n, at.UtcDateTime);
            }

            sql.Append(isFirst ? "" : ", ")
                .Append(CultureInfo.InvariantCulture, $"(@l{n}, @{topic}, @k{n}, @e{n}, @{type}, @h{n}, @p{n}, @now, {due}, 0, {(short)state})");
            command.AddParameter("l" + n, lane);
            command.AddParameter("k" + n, record.Key, DbType.Binary);
            command.AddParameter("e" + n, record.EventId);
            command.AddParameter("h" + n, HeaderBlock.Write(record.Headers));
            command.AddParameter("p" + n, record.Payload, DbType.Binary);
        }

        command.CommandText = sql.ToString();
        return command;
    }
}
