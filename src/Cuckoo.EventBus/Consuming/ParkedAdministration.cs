using System.Runtime.CompilerServices;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Works on the parked records of one database while their lanes do. Invariant: whoever decides about a record first takes its
/// mark in the inbox, as the lane does that runs it, and then its row: so one of them decides, and the other one finds it decided.
/// </summary>
internal class ParkedAdministration : IParkedAdministration
{
    private readonly EventBusDatabase _database;
    private readonly InboxStore _inbox;
    private readonly RetryStore _store;
    private readonly ParkedReader _reader;
    private readonly ParkedList _list;
    private readonly ParkedDue _due;
    private readonly KnownConsumers _consumers;
    private readonly DeadLetterStore _deadLetters;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    public ParkedAdministration(
        EventBusDatabase database, EventBusDatabases databases, BusSettings settings, OutboxWriter outbox, OutboxSignals signals, TimeProvider time, ILogger<ParkedAdministration> logger)
    {
        _database = database;
        _inbox = new InboxStore(database, time);
        _store = new RetryStore(database, _inbox, time);
        _reader = new ParkedReader(database);
        _list = new ParkedList(database);
        _due = new ParkedDue(database);
        _consumers = new KnownConsumers(database, databases, settings);
        _deadLetters = new DeadLetterStore(database, _inbox, _store, outbox, signals, settings, time);
        _time = time;
        _logger = logger;
    }

    /// <summary>The administration of the service's only database.</summary>
    /// <exception cref="EventBusException">It has none, or several.</exception>
    public static IParkedAdministration Create(
        EventBusDatabases databases, BusSettings settings, OutboxWriter outbox, OutboxSignals signals, TimeProvider time, ILogger<ParkedAdministration> logger) =>
        new ParkedAdministration(databases.Only(nameof(IParkedAdministration)), databases, settings, outbox, signals, time, logger);

    public async IAsyncEnumerable<ParkedEntry> ListAsync(ParkedFilter filter, [EnumeratorCancellation] CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await foreach (var rows in Parts.ReadAsync((after, token) => _list.ReadAsync(filter, after, token), row => row.Id, ParkedList.Part, ct).ConfigureAwait(false))
        {
            foreach (var row in rows)
            {
                yield return row;
            }
        }
    }

    public async Task<ParkedEntry?> FindAsync(long id, CancellationToken ct = default)
    {
        if (await _list.ReadAsync(new ParkedFilter { Ids = [id] }, long.MinValue, ct).ConfigureAwait(false) is not [var entry]
            || await _reader.FindAsync(id, ct).ConfigureAwait(false) is not var (row, _, _))
        {
            return null;
        }

        return entry with
        {
            Headers = row.Record.Headers,
            KeyBytes = row.Record.Key is { } key ? new ReadOnlyMemory<byte>(key) : null,
            Payload = row.Record.Value is { } value ? new ReadOnlyMemory<byte>(value) : null,
        };
    }

    public async Task<long> RetryAsync(ParkedFilter filter, IProgress<long>? progress = null, CancellationToken ct = default)
    {
        var total = 0L;
        foreach (var ids in (await IdsAsync(filter, ct).ConfigureAwait(false)).Chunk(ParkedList.Part))
        {
            ct.ThrowIfCancellationRequested();
            total += await _due.NowAsync(ids, ct).ConfigureAwait(false);
            progress?.Report(total);
        }

        ConsumingLog.RetriedByRequest(_logger, total);
        return total;
    }

    public async Task<DecidedRecords> RejectAsync(
        ParkedFilter filter, string? reason = null, IProgress<DecidedRecords>? progress = null, CancellationToken ct = default)
    {
        var ids = await IdsAsync(filter, ct).ConfigureAwait(false);
        foreach (var part in ids.Chunk(ParkedList.Part))
        {
            await _due.HoldBackAsync(part, ct).ConfigureAwait(false);
        }

        var total = await DecideAsync(ids, new DecidedRecords(0, 0), (row, type, lastError) => RejectAsync(row, type, reason, lastError, ct), progress, ct).ConfigureAwait(false);
        ConsumingLog.RejectedByRequest(_logger, total.Decided, total.Skipped);
        return total;
    }

    public async Task<DecidedRecords> MoveAsync(
        string from, string to, string? fromGroup = null, IProgress<DecidedRecords>? progress = null, CancellationToken ct = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(from);
        ArgumentException.ThrowIfNullOrEmpty(to);
        if (_consumers.Find(to) is not { } consumer)
        {
            throw new ArgumentException($"This service has no consumer '{to}' in {_database.Name}. It has: {string.Join(", ", _consumers.Names)}.", nameof(to));
        }

        var group = fromGroup ?? consumer.Group;
        if (_consumers.Find(from) is { } running && running.Group == group)
        {
            throw new ArgumentException($"Consumer '{from}' of group '{group}' is one of this service: its records are run already.", nameof(from));
        }

        var move = new ParkedMove(_database, _inbox, _store, group, from, consumer);
        await move.CopyMarksAsync(ct).ConfigureAwait(false);
        var total = new DecidedRecords(0, 0);
        await foreach (var ids in Parts.ReadAsync(move.RowsAsync, id => id, ParkedMove.Part, ct).ConfigureAwait(false))
        {
            total = await DecideAsync(ids, total, (row, _, _) => MoveAsync(move, row, consumer, ct), progress, ct).ConfigureAwait(false);
        }

        await move.MoveLettersAsync(ct).ConfigureAwait(false);
        ConsumingLog.MovedByRequest(_logger, total.Decided, from, to, total.Skipped);
        return total;
    }

    private async Task<DecidedRecords> DecideAsync(
        IReadOnlyList<long> ids, DecidedRecords total, Func<ParkedRow, string, string?, Task<bool>> decide, IProgress<DecidedRecords>? progress, CancellationToken ct)
    {
        foreach (var part in ids.Chunk(ParkedList.Part))
        {
            foreach (var id in part)
            {
                ct.ThrowIfCancellationRequested();
                var isDecided = false;
                try
                {
                    isDecided = await _reader.FindAsync(id, ct).ConfigureAwait(false) is var (row, type, lastError) && await decide(row, type, lastError).ConfigureAwait(false);
                }
                catch (UnavailableException)
                {
                    ConsumingLog.NotDecided(_logger, id, "its handler runs at this moment");
                }

                total = isDecided ? total with { Decided = total.Decided + 1 } : total with { Skipped = total.Skipped + 1 };
            }

            progress?.Report(total);
        }

        return total;
    }

    private async Task<bool> RejectAsync(ParkedRow row, string type, string? reason, string? lastError, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var failure = new Failure(new RejectedByRequestException(reason, lastError), row.Attempts, row.Attempts > 0 ? row.FirstFailedAt : now, now, row.ReplayCount);
        // Its bytes are all that matters; nobody here may know its type any more.
        var incoming = IncomingEvent.Read(row.Record, type: null, type);
        var trace = TracePropagation.Extract(row.Record.Headers).TraceId;
        var standing = await _deadLetters.WriteAsync(incoming, row.InboxKey, failure, trace == default ? null : trace.ToHexString(), row, ct).ConfigureAwait(false);
        if (standing is not null)
        {
            ConsumingLog.NotDecided(_logger, row.Id, "it was decided meanwhile");
            return false;
        }

        BusMetrics.DeadLetters.Add(
            1,
            BusMetrics.GroupTag(row.InboxKey.Group),
            BusMetrics.ConsumerTag(row.InboxKey.Consumer),
            new KeyValuePair<string, object?>("error.type", typeof(RejectedByRequestException).FullName));
        return true;
    }

    private async Task<bool> MoveAsync(ParkedMove move, ParkedRow row, ConsumerSettings to, CancellationToken ct)
    {
        if (!_consumers.Reads(to.Group, to.Name, row.Record.Topic))
        {
            ConsumingLog.NotDecided(_logger, row.Id, $"consumer {to.Name} does not read topic {row.Record.Topic}");
            return false;
        }

        await move.RunAsync(row, ct).ConfigureAwait(false);
        return true;
    }

    /// <summary>Which they are is decided once: who stands behind a rejected record is first then, but was not meant.</summary>
    private async Task<List<long>> IdsAsync(ParkedFilter filter, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(filter);
        Parts.ThrowIfEmpty(filter.IsEmpty, nameof(filter), "every parked record", "a consumer");
        var ids = new List<long>();
        await foreach (var row in ListAsync(filter, ct).ConfigureAwait(false))
        {
            ids.Add(row.Id);
        }

        return ids;
    }
}

/// <summary>The administration of one of several databases.</summary>
internal sealed class ParkedAdministration<TContext>(
    EventBusDatabases databases, BusSettings settings, OutboxWriter outbox, OutboxSignals signals, TimeProvider time, ILogger<ParkedAdministration> logger)
    : ParkedAdministration(databases.Of<TContext>(), databases, settings, outbox, signals, time, logger), IParkedAdministration<TContext>
    where TContext : DbContext;
