using System.Data.Common;
using System.Text;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Consuming;

/// <summary>The parked records of one database as people see them. Safe for concurrent use.</summary>
internal sealed class ParkedList(EventBusDatabase database)
{
    public const int Part = 500;

    /// <summary>Those after an id, so many at most, by their ids.</summary>
    public async Task<List<ParkedEntry>> ReadAsync(ParkedFilter filter, long after, CancellationToken ct)
    {
        var layout = database.Layout;
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command("");
        command.CommandText = $"""
            SELECT {StoredRecordSql.FactColumns}, due_at, last_error, is_first, CASE WHEN is_first = 1 THEN {ParkedReader.Behind(layout)} END
            FROM (SELECT parked.*, CASE WHEN {ParkedReader.IsFirst(layout)} THEN 1 ELSE 0 END AS is_first FROM {layout.RetryMessages} AS parked WHERE id > @after{Conditions(filter, command)}) AS parked
            {(filter.IsFirst is { } first ? $"WHERE is_first = {(first ? 1 : 0)}" : "")} ORDER BY id LIMIT {Part}
            """;
        command.AddParameter("after", after);
        var rows = new List<ParkedEntry>();
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            rows.Add(EntryOf(reader));
        }

        return rows;
    }

    private string Conditions(ParkedFilter filter, DbCommand command) => new FilterSql(command, database.Layout.Dialect)
        .AddIds(filter.Ids)
        .AddConsumer(filter.Group, filter.Consumer)
        .Add(filter.Partition, "partition", "kafka_partition = @partition")
        .AddKey(filter.Key)
        .AddEvent(filter.Topic, filter.EventType, filter.EventId)
        .AddCreated(filter.ParkedFrom, filter.ParkedBefore)
        .ToString();

    private static ParkedEntry EntryOf(DbDataReader reader) => new()
    {
        Id = reader.GetInt64(0),
        Group = reader.GetString(1),
        Consumer = reader.GetString(2),
        Source = reader.GetString(3),
        EventId = reader.GetString(4),
        EventType = reader.GetString(5),
        Topic = reader.GetString(6),
        Partition = reader.GetInt32(7),
        Offset = reader.GetInt64(8),
        Timestamp = reader.GetUtc(9),
        Key = reader.GetByteArray(10) is { } key ? Encoding.UTF8.GetString(key) : null,
        Attempts = reader.GetInt32(11),
        FirstFailedAt = reader.GetUtc(12),
        LastFailedAt = reader.GetUtc(13),
        ReplayCount = reader.GetInt32(14),
        ParkedAt = reader.GetUtc(15),
        PayloadBytes = reader.IsDBNull(16) ? null : reader.GetInt64(16),
        DueAt = reader.IsDBNull(StoredRecordSql.FactCount) ? null : reader.GetUtc(StoredRecordSql.FactCount),
        LastError = reader.IsDBNull(StoredRecordSql.FactCount + 1) ? null : reader.GetString(StoredRecordSql.FactCount + 1),
        IsFirst = reader.GetInt32(StoredRecordSql.FactCount + 2) == 1,
        Behind = reader.IsDBNull(StoredRecordSql.FactCount + 3) ? null : reader.GetInt64(StoredRecordSql.FactCount + 3),
    };
}
