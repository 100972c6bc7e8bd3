using System.Diagnostics;
using Cuckoo.EventBus.Chaos.Checking;
using Cuckoo.EventBus.Chaos.Faults;
using Cuckoo.EventBus.Chaos.Servers;
using Cuckoo.EventBus.Chaos.Workers;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>
/// One run: workers write while kills and faults strike; then everything is healed, the writers end, the same workers' relays
/// get a bounded time to empty the outbox, and what is in Kafka is compared with what was committed.
/// </summary>
internal sealed class OutboxRun(ChaosServers servers, ChaosOptions options, Scenario scenario, string name)
{
    private const int Slots = 3;

    // About three seconds a kill, with what it waits for a worker to be ready: two hundred in ten minutes.
    private static readonly TimeSpan ShortestPauseBetweenKills = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPauseBetweenKills = TimeSpan.FromSeconds(4);

    /// <summary>So many kills strike whoever it is; the others wait for a worker that works, where starting takes long.</summary>
    private const double KillsWithoutWaiting = 0.2;

    /// <summary>A worker that is cut off from everything is killed all the same.</summary>
    private static readonly TimeSpan BegunLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan LongestPauseBetweenFaults = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(5);

    /// <summary>A writer may be in a transaction whose lock someone killed holds until the server notices.</summary>
    private static readonly TimeSpan WritersLimit = TimeSpan.FromSeconds(60);

    /// <summary>For lanes of the dead, librdkafka's reconnects (10 s at most), and rows due again.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(60);

    /// <summary>A broken relay leaves rows for ever: no need to wait long for that.</summary>
    private static readonly TimeSpan BrokenDrainLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly Journal _journal = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly string _quietFile = Path.Combine(servers.Folder, $"{name}-quiet");
    private readonly string _topicPrefix = $"{name}-";
    private readonly int[] _databasePorts = new int[Slots];
    private ChaosDatabase _database = null!;
    private int _kills;

    public async Task<(Verdict Verdict, int Kills)> RunAsync(CancellationToken ct)
    {
        await PrepareAsync();
        using var records = new RecordTail(servers.Kafka.DirectServers, _topicPrefix + "noted");
        await using var workers = new WorkerPool(Slots, StartWorkerAsync, _journal);
        using var reporting = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var reports = ReportAsync(records, reporting.Token);
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
        new Story(history, _journal, isBrief: options.IsSelfTest).Tell(verdict, Console.Out);
        return (verdict, _kills);
    }

    private async Task WriteAndStrikeAsync(WorkerPool workers, RecordTail records, CancellationToken ct)
    {
        workers.Start();
        if (!await WithinAsync(StartLimit, () => workers.Alive.Count(w => w.HasSaid(Writers.Begun)) == Slots, ct))
        {
            throw new ChaosException($"The workers did not begin to write within {StartLimit.TotalSeconds:0} s. What they say is in {servers.Keep()}.");
        }

        await StrikeAsync(new Targets(servers, workers, records, _journal), ct);
    }

    private async Task PrepareAsync()
    {
        var connection = await servers.CreateDatabaseAsync(name);
        _database = new ChaosDatabase(connection);
        await _database.CreateTablesAsync();
        await servers.Kafka.CreateTopicAsync(_topicPrefix + "noted");
        for (var slot = 0; slot < Slots; slot++)
        {
            _databasePorts[slot] = servers.Network is null ? connection.Port : await servers.Network.AddAsync(Targets.DatabaseProxyOf(slot), connection.Port);
        }
    }

    private Task<WorkerProcess> StartWorkerAsync(int slot, int life)
    {
        var worker = $"{slot}.{life}";
        // A seed of its own for each life of each slot, whenever it begins.
        var settings = new WorkerSettings
        {
            Name = worker,
            Slot = slot,
            Slots = Slots,
            Seed = unchecked((options.Seed * 1_000_003) + (slot * 10_007) + (life * 101)),
            Database = _database.ConnectionStringFor(_databasePorts[slot]),
            Brokers = servers.Kafka.WorkerServers,
            TopicPrefix = _topicPrefix,
            QuietFile = _quietFile,
            Broken = options.Broken,
        };
        return WorkerProcess.StartAsync(worker, "outbox-worker", settings.Drawn(scenario.ClocksDiffer).ToString(), Path.Combine(servers.Folder, $"{name}-worker-{worker}.log"));
    }

    /// <summary>Kills and faults, each with its own sequence from the seed, until there were enough of them.</summary>
    private async Task StrikeAsync(Targets targets, CancellationToken ct)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        if (options.Duration is { } duration)
        {
            enough.CancelAfter(duration);
        }

        var kills = scenario.Kills ? UntilEnoughAsync(() => KillAsync(targets.Workers, enough.Token), enough) : Task.CompletedTask;
        var faults = scenario.Faults.Count > 0 ? UntilEnoughAsync(() => FaultsAsync(targets, enough.Token), enough) : Task.CompletedTask;
        await Task.WhenAll(kills, faults);
        ct.ThrowIfCancellationRequested();
    }

    /// <summary>The first to end, or to fail, ends the others.</summary>
    private static async Task UntilEnoughAsync(Func<Task> strike, CancellationTokenSource enough)
    {
        try
        {
            await strike();
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
            // Enough.
        }
        finally
        {
            await enough.CancelAsync();
        }
    }

    private async Task KillAsync(WorkerPool workers, CancellationToken ct)
    {
        var random = new Random(options.Seed);
        while (_kills < (options.Kills ?? int.MaxValue))
        {
            var pause = random.Between(ShortestPauseBetweenKills, LongestPauseBetweenKills);
            var slot = random.Next(Slots);
            var waits = !random.Chance(KillsWithoutWaiting);
            await Task.Delay(pause, ct);
            var worker = await workers.InSlotAsync(slot, ct);
            if (waits)
            {
                await WithinAsync(BegunLimit, () => worker.HasSaid(Writers.Begun), ct);
            }

            worker.Kill();
            _kills++;
            _journal.Add($"worker {worker.Name} is killed");
        }
    }

    private async Task FaultsAsync(Targets targets, CancellationToken ct)
    {
        var seeds = new Random(options.Seed + 1);
        while (true)
        {
            // Each has a source of its own: how many draws one of them makes changes nothing for the next.
            var random = new Random(seeds.Next());
            var fault = random.OneOf(scenario.Faults);
            await Task.Delay(random.Between(TimeSpan.Zero, LongestPauseBetweenFaults), ct);
            await fault.StrikeAsync(targets, random, ct);
        }
    }

    private async Task DrainAsync(WorkerPool workers, CancellationToken ct)
    {
        _journal.Add("the writers are told to end");
        await File.WriteAllTextAsync(_quietFile, "", ct);
        if (!await WithinAsync(WritersLimit, () => workers.Alive.Count(w => w.HasSaid(Writers.Ended)) == Slots, ct))
        {
            _journal.Warn($"writers still write after {WritersLimit.TotalSeconds:0} s: {string.Join(", ", workers.Alive.Where(w => !w.HasSaid(Writers.Ended)).Select(w => w.Name))}");
        }

        var limit = options.Broken is null ? DrainLimit : BrokenDrainLimit;
        var since = _clock.Elapsed;
        if (await WithinAsync(limit, async () => await _database.CountOutboxAsync(ct) == 0, ct))
        {
            _journal.Add($"the outbox is empty {(_clock.Elapsed - since).TotalSeconds:0.0} s after the writers' end");
        }
        else
        {
            _journal.Add($"the outbox is not empty {limit.TotalSeconds:0} s after the writers' end");
        }
    }

    private static Task<bool> WithinAsync(TimeSpan limit, Func<bool> condition, CancellationToken ct) => WithinAsync(limit, () => Task.FromResult(condition()), ct);

    private static async Task<bool> WithinAsync(TimeSpan limit, Func<Task<bool>> condition, CancellationToken ct)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > limit)
            {
                return false;
            }

            await Task.Delay(Poll, ct);
        }

        return true;
    }

    private async Task ReportAsync(RecordTail records, CancellationToken ct)
    {
        var committed = "0";
        while (true)
        {
            try
            {
                await Task.Delay(ProgressInterval, ct);
                committed = $"{await _database.CountWitnessesAsync(ct)}";
            }
            catch (NpgsqlException)
            {
                committed = $"over {committed.Replace("over ", "", StringComparison.Ordinal)}";
            }
            catch (OperationCanceledException)
            {
                return;
            }

            Console.WriteLine($"{_clock.Elapsed:mm\\:ss}  kills {_kills}  committed {committed}  read {records.Count}  {_journal.Last?.Text.Split('\n')[0]}");
        }
    }
}
