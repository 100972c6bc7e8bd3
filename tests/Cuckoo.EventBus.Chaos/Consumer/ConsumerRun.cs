using System.Diagnostics;
using Confluent.Kafka;
using Cuckoo.EventBus.Chaos.Consumer.Checking;
using Cuckoo.EventBus.Chaos.Faults;
using Cuckoo.EventBus.Chaos.Servers;
using Cuckoo.EventBus.Chaos.Workers;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>
/// One run: the harness sends and the workers consume while kills and faults strike; then everything is healed, no more is
/// sent, the workers get the time they need as long as they get on, and what became of every record is compared.
/// </summary>
internal sealed class ConsumerRun(TrialRun run)
{
    private const int Slots = 3;

    /// <summary>One that is cut off, or has no partition, is struck all the same.</summary>
    private static readonly TimeSpan BegunLimit = TimeSpan.FromSeconds(15);

    /// <summary>Half a minute for three processes and a group on a machine that does much else, and some.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    /// <summary>When nothing at all has moved for so long, nothing will.</summary>
    private static readonly TimeSpan QuietLimit = TimeSpan.FromSeconds(60);

    /// <summary>A flaw leaves things undone for ever: no need to wait long for that.</summary>
    private static readonly TimeSpan FlawedQuietLimit = TimeSpan.FromSeconds(6);

    /// <summary>Also of those that get on and never finish.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(500);

    // More to do than this tests nothing more, and takes the longer to drain.
    private const long ManyUnread = 600;
    private const long ManyParked = 600;

    private readonly Journal _journal = new();
    private readonly string _prefix = $"{run.Name}-";
    private readonly GroupProtocol _protocol = run.Options.Protocol;
    private HarnessDatabase _server = null!;
    private ConsumerDatabase _database = null!;
    private int[] _databasePorts = [];
    private Strikes? _strikes;
    private long _mostParked;

    private KafkaCluster Kafka => run.Servers.Kafka;

    public async Task<TrialResult> RunAsync(CancellationToken ct)
    {
        await PrepareAsync();
        using var topics = new ConsumerTopics(Kafka.DirectServers, _prefix);
        using var position = new GroupPosition(Kafka.DirectServers, run.Name, _prefix + ConsumerTopics.Moves, topics.Records);
        using var producing = new Producing(Kafka.DirectServers, _prefix + ConsumerTopics.Moves, run.Options.Seed);
        await using var workers = new WorkerPool(Slots, StartWorkerAsync, _journal);
        using var reporting = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var reports = Task.WhenAll(
            new ProgressLine(_journal).ReportAsync(token => CountsAsync(topics, token), reporting.Token),
            HoldAsync(producing, position, reporting.Token));
        try
        {
            await SendAndStrikeAsync(workers, topics, producing, ct);
            await DrainAsync(position, ct);
        }
        finally
        {
            await reporting.CancelAsync();
            await reports;
        }

        await workers.TerminateAsync();
        var history = await ReadHistoryAsync(topics, position, producing, ct);
        var verdict = ConsumerChecker.Check(history);
        new ConsumerStory(history, _journal, isBrief: run.Options.IsSelfTest).Tell(verdict, Console.Out);
        return new TrialResult(verdict.IsGood, ShowsFlaw(verdict), verdict.Summary(_strikes!.Kills, More(history)));
    }

    private async Task PrepareAsync()
    {
        _server = await run.Servers.CreateDatabaseAsync(run.Name);
        _database = new ConsumerDatabase(_server);
        await Task.WhenAll(
            _database.CreateTablesAsync(),
            Kafka.CreateTopicAsync(_prefix + ConsumerTopics.Moves),
            Kafka.CreateTopicAsync(_prefix + ConsumerTopics.Answers, lonely: false),
            Kafka.CreateTopicAsync(_prefix + ConsumerTopics.DeadLetters, lonely: false));
        _databasePorts = await run.Servers.WorkerDatabasePortsAsync(_server.Port, Slots);
    }

    private Task<WorkerProcess> StartWorkerAsync(int slot, int life)
    {
        var worker = $"{slot}.{life}";
        var settings = new ConsumerWorkerSettings
        {
            Name = worker,
            Group = run.Name,
            Protocol = _protocol,
            Database = _server.ConnectionStringFor(_databasePorts[slot]),
            Brokers = Kafka.WorkerServers,
            TopicPrefix = _prefix,
            Flaw = run.Options.Broken?.Name,
        };
        return WorkerProcess.StartAsync(
            worker,
            ConsumerWorker.Role,
            settings.Drawn(run.Options.SeedOf(slot, life), slot, run.Scenario.ClocksDiffer).ToString(),
            Path.Combine(run.Servers.Folder, $"{run.Name}-worker-{worker}.log"));
    }

    private async Task SendAndStrikeAsync(WorkerPool workers, ConsumerTopics topics, Producing producing, CancellationToken ct)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var sending = producing.RunAsync(enough.Token);
        workers.Start();
        if (!await Patience.WithinAsync(StartLimit, () => workers.Alive.Any(w => w.HasSaid(Effect.Begun)), ct))
        {
            throw new ChaosException($"No worker handled a record within {StartLimit.TotalSeconds:0} s. What they say is in {run.Servers.Keep()}.");
        }

        var targets = new Targets(run.Servers, workers, topics.Records, _journal)
        {
            Begun = (Effect.Begun, BegunLimit),
            JoinGroup = () => new Guest(Kafka.DirectServers, run.Name, _prefix + ConsumerTopics.Moves, _protocol),
        };
        _strikes = new Strikes(run.Options, run.Scenario, targets);
        await _strikes.RunAsync(ct);
        await enough.CancelAsync();
        await sending;
        _journal.Add("no more is sent, and everything is well");
    }

    /// <summary>Waits until everything is read, run, sent and given up that is to be, or nothing moves any more.</summary>
    private async Task DrainAsync(GroupPosition position, CancellationToken ct)
    {
        var quiet = run.Options.Broken is null ? QuietLimit : FlawedQuietLimit;
        var (whole, still) = (Stopwatch.StartNew(), Stopwatch.StartNew());
        var last = (0L, 0L, 0L, 0L, 0L);
        while (true)
        {
            var now = (
                Lag: await LagAsync(position),
                Parked: await _database.CountParkedAsync(ct),
                Unsent: await _database.CountUnsentAsync(ct),
                Applied: await _database.CountAppliedAsync(ct),
                Dead: await _database.CountDeadAsync(ct));
            if (now is { Lag: 0, Parked: 0, Unsent: 0 })
            {
                _journal.Add($"everything is done after {whole.Elapsed.TotalSeconds:0.0} s");
                return;
            }

            if (now != last)
            {
                last = now;
                still.Restart();
            }

            if (still.Elapsed > quiet || whole.Elapsed > DrainLimit)
            {
                _journal.Add($"after {whole.Elapsed.TotalSeconds:0} s, {still.Elapsed.TotalSeconds:0} s of them without any change, {now.Lag} records are unread, {now.Parked} parked, {now.Unsent} unsent");
                return;
            }

            await Task.Delay(Glance, ct);
        }
    }

    /// <summary>One where nobody can say.</summary>
    private static async Task<long> LagAsync(GroupPosition position)
    {
        try
        {
            return await position.LagAsync();
        }
        catch (KafkaException)
        {
            return 1;
        }
    }

    /// <summary>Has the producer wait while there is much to do. Where nobody answers, it sends on.</summary>
    private async Task HoldAsync(Producing producing, GroupPosition position, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var parked = await _database.CountParkedAsync(ct);
                _mostParked = Math.Max(_mostParked, parked);
                producing.IsHeld = parked > ManyParked || await position.LagAsync() > ManyUnread;
                await Task.Delay(Glance, ct);
            }
            catch (Exception e) when (e is NpgsqlException or KafkaException)
            {
                producing.IsHeld = false;
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<string> CountsAsync(ConsumerTopics topics, CancellationToken ct) =>
        $"kills {_strikes?.Kills ?? 0}  sent {topics.Records.Count}  applied {await _database.CountAppliedAsync(ct)}  dead {await _database.CountDeadAsync(ct)}  parked {await _database.CountParkedAsync(ct)}";

    private async Task<ConsumerHistory> ReadHistoryAsync(ConsumerTopics topics, GroupPosition position, Producing producing, CancellationToken ct) => new()
    {
        Consumers = ConsumerWorker.Consumers,
        Records = await topics.Records.ReadToEndAsync(ct),
        Acknowledged = producing.Acknowledged,
        Applied = await _database.AppliedAsync(ct),
        Ordinals = await _database.OrdinalsAsync(ct),
        Dead = await _database.DeadAsync(ct),
        Parked = await _database.ParkedAsync(ct),
        Answers = await topics.Published.ReadToEndAsync(ct),
        DeadLetters = await topics.Letters.ReadToEndAsync(ct),
        Committed = await position.CommittedAsync(),
        Unsent = await _database.UnsentAsync(ct),
    };

    /// <summary>Each flaw in its own way, or something else is wrong.</summary>
    private bool ShowsFlaw(ConsumerVerdict verdict) => verdict.Contradictions.Count == 0 && run.Options.Broken?.Name switch
    {
        ConsumerFlaws.NoInbox => verdict.Double.Count > 0,
        ConsumerFlaws.OneTooFar => verdict.Lost.Count > 0,
        ConsumerFlaws.NoLanes => verdict.Reordered.Count > 0,
        _ => false,
    };

    /// <summary>For information: what there was to go wrong.</summary>
    private string More(ConsumerHistory history)
    {
        var parked = history.Applied.Select(a => (a.Consumer, a.Id)).Concat(history.Dead.Select(d => (d.Consumer, d.Id))).Distinct().Count(e => Fate.Of(e.Id, e.Consumer).Parks);
        var causeless = history.Dead.Count(d => !Fate.Of(d.Id, d.Consumer).MayDie);
        return $"sent {history.Records.Count}, applied {history.Applied.Count}, to be parked {parked}, parked at most {_mostParked} at a time, dead {history.Dead.Count}, of these without a cause {causeless}, ";
    }
}
