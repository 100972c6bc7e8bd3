using System.Data.Common;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>What there is among the parked rows of one database, for people and for what they decide. Safe for concurrent use.</summary>
internal sealed class ParkedReader(EventBusDatabase database)
{
    /// <summary>How far rows are counted: more is no other news, and its count would cost as much as the rows are.</summary>
    private const int CountLimit = 10_000;

    private const string OfSameKey =
        "other.consumer_group = parked.consumer_group AND other.consumer = parked.consumer AND other.topic = parked.topic AND other.kafka_partition = parked.kafka_partition AND other.key_hash = parked.key_hash AND other.key = parked.key";

    private string Table => database.Layout.RetryMessages;

    /// <summary>Whether a row of the table, called <c>parked</c> in the statement, has none of its key before it; by the key's index.</summary>
    public static string IsFirst(DatabaseLayout layout) =>
        $"(parked.key IS NULL OR NOT EXISTS (SELECT 1 FROM {layout.RetryMessages} other WHERE {OfSameKey} AND other.id < parked.id))";

    /// <summary>How many rows have the one before them.</summary>
    public static string Behind(DatabaseLayout layout) =>
        $"CASE WHEN parked.key IS NULL THEN 0 ELSE (SELECT count(*) FROM (SELECT 1 FROM {layout.RetryMessages} other WHERE {OfSameKey} AND other.id > parked.id LIMIT {CountLimit}) counted) END";

    /// <summary>A row with its record, its event's type and the last error; <see langword="null"/> if it is gone.</summary>
    public async Task<(ParkedRow Row, string Type, string? LastError)?> FindAsync(long id, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"""
            SELECT id, consumer_group, consumer, source, event_id, attempts, first_failed_at, replay_count, type, last_error, {StoredRecordSql.RecordColumns}
            FROM {Table} WHERE id = @id
            """);
        command.AddParameter("id", id);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        return await reader.ReadAsync(ct).ConfigureAwait(false)
            ? (
                new ParkedRow
                {
                    Id = reader.GetInt64(0),
                    IsFirst = false,
                    InboxKey = new InboxKey(reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4)),
                    Attempts = reader.GetInt32(5),
                    FirstFailedAt = reader.GetUtc(6),
                    ReplayCount = reader.GetInt32(7),
                    IsDue = false,
                    Record = reader.ReadRecord(10),
                },
                reader.GetString(8),
                reader.IsDBNull(9) ? null : reader.GetString(9))
            : null;
    }

    /// <summary>
    /// Whose rows there are: of each consumer and topic the number, as far as it is counted. By steps through the key's index, one
    /// for each of them, whatever the number of rows.
    /// </summary>
    /// <param name="which">Of which to know the number.</param>
    /// <param name="ct">Cancels it.</param>
    public async Task<IReadOnlyList<ParkedPlace>> PlacesAsync(Func<ParkedPlace, bool> which, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        var places = new List<ParkedPlace>();
        var last = new ParkedPlace("", "", "", 0);
        while (await NextAsync(session, last, ct).ConfigureAwait(false) is { } next)
        {
            last = next;
            if (which(next))
            {
                places.Add(next with { Rows = await CountAsync(session, next, ct).ConfigureAwait(false) });
            }
        }

        return places;
    }

    private async Task<ParkedPlace?> NextAsync(DatabaseSession session, ParkedPlace last, CancellationToken ct)
    {
        await using var command = session.Command(
            $"SELECT consumer_group, consumer, topic FROM {Table} WHERE (consumer_group, consumer, topic) > (@group, @consumer, @topic) ORDER BY consumer_group, consumer, topic LIMIT 1");
        AddPlace(command, last);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        return await reader.ReadAsync(ct).ConfigureAwait(false) ? new ParkedPlace(reader.GetString(0), reader.GetString(1), reader.GetString(2), 0) : null;
    }

    private async Task<long> CountAsync(DatabaseSession session, ParkedPlace place, CancellationToken ct)
    {
        await using var command = session.Command(
            $"SELECT count(*) FROM (SELECT 1 FROM {Table} WHERE consumer_group = @group AND consumer = @consumer AND topic = @topic LIMIT {CountLimit}) counted");
        AddPlace(command, place);
        return (long)(await command.ExecuteScalarAsync(ct).ConfigureAwait(false))!;
    }

    private static void AddPlace(DbCommand command, ParkedPlace place)
    {
        command.AddParameter("group", place.Group);
        command.AddParameter("consumer", place.Consumer);
        command.AddParameter("topic", place.Topic);
    }
}
