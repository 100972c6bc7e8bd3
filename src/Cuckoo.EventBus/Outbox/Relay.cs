using System.Collections.Concurrent;
using System.Data.Common;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Relays the outbox of one database: drains the lanes that commits of this process signal, and sweeps for those whose owner
/// is gone and for rows that are due. Whatever fails is logged and tried again; only the stop ends it.
/// </summary>
internal sealed class Relay : IDisposable
{
    /// <summary>After trouble with broker or database: long enough not to spin, short enough to recover at once.</summary>
    private static readonly TimeSpan TroublePause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How often a sweep looks below the floors too: for ids given out again, after a restored or emptied table, and for rows that
    /// wait behind one that someone deleted by hand.
    /// </summary>
    private static readonly TimeSpan ThoroughSweep = TimeSpan.FromSeconds(30);

    private readonly EventBusDatabase _database;
    private readonly RelayOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RelayContext _context;
    private readonly ConcurrentDictionary<short, LaneWork> _lanes = new();
    private readonly SweepClock _clock;
    private readonly StandingWatch _watch;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private Task _sweeping = Task.CompletedTask;
    private long? _sweptThoroughlyAt;

    public Relay(EventBusDatabase database, RelayOptions options, KafkaClients clients, TimeProvider time, ILoggerFactory loggers)
    {
        _stopping = _stop.Token;
        _database = database;
        _options = options;
        _time = time;
        _logger = loggers.CreateLogger<Relay>();
        _clock = new SweepClock(time);
        var owner = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";
        var producers = loggers.CreateLogger<RecordProducer>();
        _context = new RelayContext(
            database,
            options,
            new RecordProducer(clients, time, producers),
            new RecordProducer(clients, time, producers, oneRecordPerBatch: true),
            owner[^Math.Min(owner.Length, 200)..],
            time,
            _logger);
        _watch = new StandingWatch(database, _context.Sql, _context.Owner, time);
    }

    public void Start()
    {
        OutboxLog.Started(_logger, _database.Name, _context.Owner);
        DatabaseGauges.Add(_watch, () => _watch.Standing);
        _sweeping = Task.Run(SweepAsync);
    }

    /// <summary>These lanes have new rows, and one that is delayed may be due at that time.</summary>
    public void Signal(EventBusDatabase database, IReadOnlySet<short> lanes, DateTimeOffset? due)
    {
        if (!ReferenceEquals(database, _database))
        {
            return;
        }

        foreach (var lane in lanes)
        {
            Want(lane, LaneWants.Rows);
        }

        if (due is { } at)
        {
            _clock.WakeIn(at - _time.GetUtcNow());
        }
    }

    /// <summary>Stops and gives the lanes back. What the broker has not answered stays in the outbox.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        DatabaseGauges.Remove(_watch);
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll([_sweeping, .. _lanes.Values.Select(work => work.Running)]).WaitAsync(ct).ConfigureAwait(false);
            await _context.Sweeps.UseAsync(
                async session =>
                {
                    using var turn = await _database.EnterWriteAsync(ct).ConfigureAwait(false);
                    await using var release = session.Command(_context.Sql.ReleaseAll);
                    release.AddParameter("owner", _context.Owner);
                    return await release.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
                },
                ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or OperationCanceledException)
        {
            OutboxLog.NotReleased(_logger, e, _database.Name);
        }

        await _context.CloseIdleAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        DatabaseGauges.Remove(_watch);
        _stop.Cancel();
        _context.Dispose();
        _stop.Dispose();
    }

    private void Want(short lane, LaneWants wants)
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        var work = _lanes.GetOrAdd(lane, static lane => new LaneWork(lane));
        work.Want(wants, () => DrainAsync(work));
    }

    private async Task DrainAsync(LaneWork work)
    {
        do
        {
            if (!await TryAsync(() => new LaneDrain(_context, work, _stopping).RunAsync()).ConfigureAwait(false))
            {
                // The lane stays taken meanwhile, so signals do not spin it; then it is tried again.
                await PauseAsync(TroublePause).ConfigureAwait(false);
                work.WantMore(LaneWants.Rows | LaneWants.Retries);
            }
        }
        while (!work.IsDone() && !_stopping.IsCancellationRequested);
    }

    private async Task SweepAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            var next = _options.SweepInterval;
            await TryAsync(async () =>
            {
                next = await _context.Sweeps.UseAsync(SweepOnceAsync, _stopping).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
            await _clock.WaitAsync(next, _stopping).ConfigureAwait(false);
        }
    }

    /// <returns>When to sweep again.</returns>
    private async Task<TimeSpan> SweepOnceAsync(DatabaseSession session)
    {
        // The first one too: a service that starts knows nothing.
        var isThorough = _sweptThoroughlyAt is not { } at || _time.GetElapsedTime(at) >= ThoroughSweep;
        var (next, watches) = await ProbeAsync(session, isThorough, _watch.IsDue).ConfigureAwait(false);
        while (next <= TimeSpan.Zero)
        {
            if (await PromoteAsync(session).ConfigureAwait(false) == 0)
            {
                // Someone is at work on it, perhaps takes it back.
                next = _options.SweepInterval;
                break;
            }

            (next, _) = await ProbeAsync(session, isThorough: false, asksWatch: false).ConfigureAwait(false);
        }

        if (isThorough)
        {
            _sweptThoroughlyAt = _time.GetTimestamp();
        }

        if (watches)
        {
            await _watch.AskAsync(session, _stopping).ConfigureAwait(false);
        }

        return next < _options.SweepInterval ? next : _options.SweepInterval;
    }

    private async Task<int> PromoteAsync(DatabaseSession session)
    {
        using var turn = await _database.EnterWriteAsync(_stopping).ConfigureAwait(false);
        await using var promote = session.Command(_context.Sql.PromoteScheduled);
        return await session.InTransactionAsync(_database.Layout.Dialect, promote, () => promote.ExecuteNonQueryAsync(_stopping), _stopping).ConfigureAwait(false);
    }

    /// <summary>Has the lanes drained that need it.</summary>
    /// <returns>When the next delayed event is due, and whether the lease to ask how the tables stand is free or ours, if that was asked.</returns>
    private async Task<(TimeSpan Next, bool Watches)> ProbeAsync(DatabaseSession session, bool isThorough, bool asksWatch)
    {
        var (next, watches) = (TimeSpan.MaxValue, false);
        await using var probe = session.Command(_context.Sql.Probe);
        probe.AddParameter("thorough", isThorough);
        probe.AddParameter("owner", _context.Owner);
        probe.AddParameter("watches", asksWatch);
        await using var reader = await probe.ExecuteReaderAsync(_stopping).ConfigureAwait(false);
        while (await reader.ReadAsync(_stopping).ConfigureAwait(false))
        {
            switch ((LaneSql.Finding)reader.GetInt32(0))
            {
                case LaneSql.Finding.Scheduled:
                    next = TimeSpan.FromSeconds(Math.Min(reader.GetDouble(2), TimeSpan.FromDays(1).TotalSeconds));
                    break;
                case LaneSql.Finding.Watch:
                    watches = true;
                    break;
                case LaneSql.Finding.Pending:
                    Want((short)reader.GetInt32(1), isThorough ? LaneWants.Everything : LaneWants.Rows);
                    break;
                default:
                    Want((short)reader.GetInt32(1), isThorough ? LaneWants.Everything : LaneWants.Retries);
                    break;
            }
        }

        return (next, watches);
    }

    /// <summary>A loop of the host's must outlive every failure: it is logged, and the loop goes on.</summary>
    private async Task<bool> TryAsync(Func<Task<bool>> step)
    {
        try
        {
            return await step().ConfigureAwait(false);
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // What is not relayed stays in the outbox.
            return true;
        }
        catch (Exception e)
        {
            OutboxLog.DatabaseTrouble(_logger, e, _database.Name);
            return false;
        }
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, _time, _stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The stop: the loop's condition sees it.
        }
    }
}
