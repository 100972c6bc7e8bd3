using System.Data.Common;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
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

    private readonly EventBusDatabase _database;
    private readonly RelayOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RecordProducer _producer;
    private readonly RecordProducer _lonelyProducer;
    private readonly LaneSql _sql;
    private readonly LaneDrain _drain;
    private readonly LaneQueue _queue = new();
    private readonly string _owner;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private readonly List<Task> _running = [];

    public Relay(EventBusDatabase database, RelayOptions options, KafkaClients clients, TimeProvider time, ILoggerFactory loggers)
    {
        _stopping = _stop.Token;
        _database = database;
        _options = options;
        _time = time;
        _logger = loggers.CreateLogger<Relay>();
        // The relay's own: what it sends depends on how this producer fails.
        _producer = new RecordProducer(clients, time, loggers.CreateLogger<RecordProducer>());
        _lonelyProducer = new RecordProducer(clients, time, loggers.CreateLogger<RecordProducer>(), oneRecordPerBatch: true);
        _owner = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";
        _owner = _owner[^Math.Min(_owner.Length, 200)..];
        _sql = new LaneSql(database.Layout);
        _drain = new LaneDrain(database, _sql, _producer, _lonelyProducer, options, _owner, time, _logger);
    }

    public void Start()
    {
        OutboxLog.Started(_logger, _database.Name, _owner);
        _running.Add(Task.Run(SweepAsync));
        for (var i = 0; i < _options.Concurrency; i++)
        {
            _running.Add(Task.Run(WorkAsync));
        }
    }

    /// <summary>These lanes have new rows.</summary>
    public void Signal(EventBusDatabase database, IReadOnlySet<short> lanes)
    {
        if (ReferenceEquals(database, _database))
        {
            foreach (var lane in lanes)
            {
                _queue.Add(lane);
            }
        }
    }

    /// <summary>Stops and gives the lanes back. What the broker has not answered stays in the outbox.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(_running).WaitAsync(ct).ConfigureAwait(false);
            await using var session = await _database.OpenAsync(ct).ConfigureAwait(false);
            using var turn = await _database.EnterWriteAsync(ct).ConfigureAwait(false);
            await using var release = session.Command(_sql.ReleaseAll);
            release.AddParameter("owner", _owner);
            await release.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or OperationCanceledException)
        {
            OutboxLog.NotReleased(_logger, e, _database.Name);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _producer.Dispose();
        _lonelyProducer.Dispose();
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            short lane;
            try
            {
                lane = await _queue.TakeAsync(_stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            var drained = await TryAsync(() => _drain.DrainAsync(lane, _stopping)).ConfigureAwait(false);
            if (!drained)
            {
                // The lane stays taken meanwhile, so signals do not spin it; then it is tried again.
                await PauseAsync(TroublePause).ConfigureAwait(false);
                _queue.Add(lane);
            }

            _queue.Done(lane);
        }
    }

    private async Task SweepAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            await TryAsync(SweepOnceAsync).ConfigureAwait(false);
            await PauseAsync(_options.SweepInterval).ConfigureAwait(false);
        }
    }

    private async Task<bool> SweepOnceAsync()
    {
        await using var session = await _database.OpenAsync(_stopping).ConfigureAwait(false);
        var found = await ProbeAsync(session).ConfigureAwait(false);
        if (found.Remove(-1) | found.Remove(-2))
        {
            using (await _database.EnterWriteAsync(_stopping).ConfigureAwait(false))
            {
                await using var promote = session.Command(_sql.PromoteWaiting);
                await promote.ExecuteNonQueryAsync(_stopping).ConfigureAwait(false);
                await using var renumber = session.Command(_sql.PromoteScheduled);
                await renumber.ExecuteNonQueryAsync(_stopping).ConfigureAwait(false);
            }

            found.UnionWith(await ProbeAsync(session).ConfigureAwait(false));
        }

        foreach (var lane in found.Where(lane => lane >= 0))
        {
            _queue.Add(lane);
        }

        return true;
    }

    private async Task<HashSet<short>> ProbeAsync(DatabaseSession session)
    {
        await using var probe = session.Command(_sql.Probe);
        await using var reader = await probe.ExecuteReaderAsync(_stopping).ConfigureAwait(false);
        var found = new HashSet<short>();
        while (await reader.ReadAsync(_stopping).ConfigureAwait(false))
        {
            found.Add((short)reader.GetInt32(0));
        }

        return found;
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
