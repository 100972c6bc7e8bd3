using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>Works on the dead letters of one database in parts, each a transaction of its own, see <see cref="ReplayTransaction"/>.</summary>
internal class DeadLetterAdministration(
    EventBusDatabase database, EventBusDatabases databases, BusSettings settings, TimeProvider time, ILogger<DeadLetterAdministration> logger) : IDeadLetterAdministration
{
    private const int Part = 500;

    /// <summary>Two statements each, in a transaction that should not take longer than some 100 ms.</summary>
    private const int ReplayPart = 100;

    private const string Columns = StoredRecordSql.FactColumns + ", exception_type, exception_message, trace_id";

    private readonly ReplayTransaction _replay = new(database, new InboxStore(database, time), new KnownConsumers(database, databases, settings), time, logger);

    /// <summary>The administration of the service's only database.</summary>
    /// <exception cref="EventBusException">It has none, or several.</exception>
    public static IDeadLetterAdministration Create(EventBusDatabases databases, BusSettings settings, TimeProvider time, ILogger<DeadLetterAdministration> logger) =>
        new DeadLetterAdministration(databases.Only(nameof(IDeadLetterAdministration)), databases, settings, time, logger);

    public async IAsyncEnumerable<DeadLetterEntry> ListAsync(DeadLetterFilter filter, [EnumeratorCancellation] CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await foreach (var letters in PartsAsync(filter, long.MaxValue, Part, ct).ConfigureAwait(false))
        {
            foreach (var letter in letters)
            {
                yield return letter;
            }
        }
    }

    public async Task<DeadLetterEntry?> FindAsync(long id, CancellationToken ct = default)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"SELECT {Columns}, exception_stack, headers, payload FROM {database.Layout.DeadLetters} WHERE id = @id");
        command.AddParameter("id", id);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        const int More = StoredRecordSql.FactCount + 3;
        return await reader.ReadAsync(ct).ConfigureAwait(false)
            ? EntryOf(reader) with
            {
                ExceptionStack = reader.GetString(More),
                Headers = StoredRecordSql.HeadersOf(reader.GetByteArray(More + 1) ?? []),
                KeyBytes = reader.GetMemory(10),
                Payload = reader.GetMemory(More + 2),
            }
            : null;
    }

    public async Task<DecidedRecords> ReplayAsync(
        DeadLetterFilter filter, DeadLetterReplay? options = null, IProgress<DecidedRecords>? progress = null, CancellationToken ct = default)
    {
        ThrowIfEmpty(filter);
        var pace = new ReplayPace(options?.MaxPerSecond, time);
        var total = new DecidedRecords(0, 0);
        var last = await LastAsync(ct).ConfigureAwait(false);
        await foreach (var letters in PartsAsync(filter, last, pace.PartSize(ReplayPart), ct).ConfigureAwait(false))
        {
            await pace.NextAsync(total.Decided, ct).ConfigureAwait(false);
            var part = await _replay.RunAsync(letters.ConvertAll(letter => letter.Id), ct).ConfigureAwait(false);
            total = new DecidedRecords(total.Decided + part.Decided, total.Skipped + part.Skipped);
            progress?.Report(total);
        }

        DeadLetterLog.Replayed(logger, total.Decided, total.Skipped);
        return total;
    }

    public async Task<long> DiscardAsync(DeadLetterFilter filter, IProgress<long>? progress = null, CancellationToken ct = default)
    {
        ThrowIfEmpty(filter);
        var (layout, dialect) = (database.Layout, database.Layout.Dialect);
        var total = 0L;
        var last = await LastAsync(ct).ConfigureAwait(false);
        await foreach (var letters in PartsAsync(filter, last, Part, ct).ConfigureAwait(false))
        {
            using (await database.EnterWriteAsync(ct).ConfigureAwait(false))
            {
                await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
                await using var delete = session.Command(
                    $"DELETE FROM {layout.DeadLetters} WHERE id IN (SELECT id FROM {layout.DeadLetters} WHERE {dialect.IsOneOf("id", "@ids")}{dialect.SkipLocked})");
                delete.AddParameter("ids", dialect.Ids(letters.ConvertAll(letter => letter.Id)));
                total += await delete.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
            }

            progress?.Report(total);
        }

        DeadLetterLog.Discarded(logger, total);
        return total;
    }

    private static void ThrowIfEmpty(DeadLetterFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        Parts.ThrowIfEmpty(filter.IsEmpty, nameof(filter), "every dead letter", "a consumer");
    }

    private IAsyncEnumerable<List<DeadLetterEntry>> PartsAsync(DeadLetterFilter filter, long last, int size, CancellationToken ct) =>
        Parts.ReadAsync((after, token) => ReadAsync(filter, after, last, size, token), letter => letter.Id, size, ct);

    private async Task<List<DeadLetterEntry>> ReadAsync(DeadLetterFilter filter, long after, long last, int size, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command("");
        command.CommandText = $"SELECT {Columns} FROM {database.Layout.DeadLetters} WHERE id > @after AND id <= @last{Conditions(filter, command)} ORDER BY id LIMIT {size.ToString(CultureInfo.InvariantCulture)}";
        command.AddParameter("after", after);
        command.AddParameter("last", last);
        var letters = new List<DeadLetterEntry>();
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            letters.Add(EntryOf(reader));
        }

        return letters;
    }

    /// <summary>The youngest letter: what comes later is another failure, about which nobody has decided.</summary>
    private async Task<long> LastAsync(CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"SELECT coalesce(max(id), 0) FROM {database.Layout.DeadLetters}");
        return Convert.ToInt64(await command.ExecuteScalarAsync(ct).ConfigureAwait(false), CultureInfo.InvariantCulture);
    }

    private string Conditions(DeadLetterFilter filter, DbCommand command) => new FilterSql(command, database.Layout.Dialect)
        .AddIds(filter.Ids)
        .AddConsumer(filter.Group, filter.Consumer)
        .AddKey(filter.Key)
        .AddEvent(filter.Topic, filter.EventType, filter.EventId)
        .Add(filter.ExceptionType, "exception", "exception_type = @exception")
        .AddCreated(filter.CreatedFrom, filter.CreatedBefore)
        .ToString();

    private static DeadLetterEntry EntryOf(DbDataReader reader) => new()
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
        CreatedAt = reader.GetUtc(15),
        PayloadBytes = reader.IsDBNull(16) ? null : reader.GetInt64(16),
        ExceptionType = reader.GetString(StoredRecordSql.FactCount),
        ExceptionMessage = reader.GetString(StoredRecordSql.FactCount + 1),
        TraceId = reader.IsDBNull(StoredRecordSql.FactCount + 2) ? null : reader.GetString(StoredRecordSql.FactCount + 2),
    };
}

/// <summary>The administration of one of several databases.</summary>
internal sealed class DeadLetterAdministration<TContext>(
    EventBusDatabases databases, BusSettings settings, TimeProvider time, ILogger<DeadLetterAdministration> logger)
    : DeadLetterAdministration(databases.Of<TContext>(), databases, settings, time, logger), IDeadLetterAdministration<TContext>
    where TContext : DbContext;
