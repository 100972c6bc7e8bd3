using System.Diagnostics;
using Cuckoo.EventBus.Chaos.Checking;
using Cuckoo.EventBus.Chaos.Faults;
using Cuckoo.EventBus.Chaos.Servers;
using Cuckoo.EventBus.Chaos.Workers;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>
/// One run: workers write while kills and faults strike; then everything is healed, the writers end, the same workers' relays
/// get a bounded time to empty the outbox, and what is in Kafka is compared with what was committed.
/// </summary>
internal sealed class OutboxRun(TrialRun run)
{
    private const int Slots = 3;

    /// <summary>A worker that is cut off from everything is killed all the same.</summary>
    private static readonly TimeSpan BegunLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    /// <summary>A writer may be in a transaction whose lock someone killed holds until the server notices.</summary>
    private static readonly TimeSpan WritersLimit = TimeSpan.FromSeconds(60);

    /// <summary>For lanes of the dead, librdkafka's reconnects (10 s at most), and rows due again.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(60);

    /// <summary>A broken relay leaves rows for ever: no need to wait long for that.</summary>
    private static readonly TimeSpan BrokenDrainLimit = TimeSpan.FromSeconds(5);

    private readonly Journal _journal = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly string _quietFile = Path.Combine(run.Servers.Folder, $"{run.Name}-quiet");
    private readonly string _topicPrefix = $"{run.Name}-";
    private HarnessDatabase _server = null!;
    private int[] _databasePorts = [];
    private ChaosDatabase _database = null!;
    private Strikes? _strikes;

    public async Task<(Verdict Verdict, int Kills)> RunAsync(CancellationToken ct)
    {
        await PrepareAsync();
        using var records = new RecordTail(run.Servers.Kafka.DirectServers, _topicPrefix + "noted");
        await using var workers = new WorkerPool(Slots, StartWorkerAsync, _journal);
        using var reporting = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var reports = new ProgressLine(_journal).ReportAsync(
            async token => $"kills {_strikes?.Kills ?? 0}  committed {await _database.CountWitnessesAsync(token)}  read {records.Count}", reporting.Token);
        try
        {
            await WriteAndStrikeAsync(workers, records, ct);
            await DrainAsync(workers, ct);
        }
        finally
        {
            await reporting.CancelAsync();
            await reports;
        }

        await workers.TerminateAsync();
        var history = await _database.ReadHistoryAsync(await records.ReadToEndAsync(ct), ct);
        var verdict = Checker.Check(history);
        new Story(history, _journal, isBrief: run.Options.IsSelfTest).Tell(verdict, Console.Out);
        return (verdict, _strikes!.Kills);
    }

    private async Task WriteAndStrikeAsync(WorkerPool workers, RecordTail records, CancellationToken ct)
    {
        workers.Start();
        if (!await Patience.WithinAsync(StartLimit, () => workers.Alive.Count(w => w.HasSaid(Writers.Begun)) == Slots, ct))
        {
            throw new ChaosException($"The workers did not begin to write within {StartLimit.TotalSeconds:0} s. What they say is in {run.Servers.Keep()}.");
        }

        _strikes = new Strikes(run.Options, run.Scenario, new Targets(run.Servers, workers, records, _journal) { Begun = (Writers.Begun, BegunLimit) });
        await _strikes.RunAsync(ct);
    }

    private async Task PrepareAsync()
    {
        _server = await run.Servers.CreateDatabaseAsync(run.Name);
        _database = new ChaosDatabase(_server);
        await _database.CreateTablesAsync();
        await run.Servers.Kafka.CreateTopicAsync(_topicPrefix + "noted");
        _databasePorts = await run.Servers.WorkerDatabasePortsAsync(_server.Port, Slots);
    }

    private Task<WorkerProcess> StartWorkerAsync(int slot, int life)
    {
        var worker = $"{slot}.{life}";
        var settings = new WorkerSettings
        {
            Name = worker,
            Slot = slot,
            Slots = Slots,
            Seed = run.Options.SeedOf(slot, life),
            Database = _server.ConnectionStringFor(_databasePorts[slot]),
            Brokers = run.Servers.Kafka.WorkerServers,
            TopicPrefix = _topicPrefix,
            QuietFile = _quietFile,
            Flaw = run.Options.Broken?.Name,
        };
        return WorkerProcess.StartAsync(worker, OutboxWorker.Role, settings.Drawn(run.Scenario.ClocksDiffer).ToString(), Path.Combine(run.Servers.Folder, $"{run.Name}-worker-{worker}.log"));
    }

    private async Task DrainAsync(WorkerPool workers, CancellationToken ct)
    {
        _journal.Add("the writers are told to end");
        await File.WriteAllTextAsync(_quietFile, "", ct);
        if (!await Patience.WithinAsync(WritersLimit, () => workers.Alive.Count(w => w.HasSaid(Writers.Ended)) == Slots, ct))
        {
            _journal.Warn($"writers still write after {WritersLimit.TotalSeconds:0} s: {string.Join(", ", workers.Alive.Where(w => !w.HasSaid(Writers.Ended)).Select(w => w.Name))}");
        }

        var limit = run.Options.Broken is null ? DrainLimit : BrokenDrainLimit;
        var since = _clock.Elapsed;
        if (await Patience.WithinAsync(limit, async () => await _database.CountOutboxAsync(ct) == 0, ct))
        {
            _journal.Add($"the outbox is empty {(_clock.Elapsed - since).TotalSeconds:0.0} s after the writers' end");
        }
        else
        {
            _journal.Add($"the outbox is not empty {limit.TotalSeconds:0} s after the writers' end");
        }
    }
}
