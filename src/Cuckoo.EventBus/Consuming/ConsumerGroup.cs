using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// One consumer group's member: a thread of its own that polls, hands records to their lanes, stores what is finished, and
/// replaces its client when that breaks. Invariant: only this thread touches the client. It blocks, which no pool thread may.
/// All that touches the client stands in this one file, long as it is.
/// </summary>
internal sealed class ConsumerGroup : IDisposable
{
    /// <summary>So many records are handed over at once: the pool's threads are not woken for each, and none waits for long.</summary>
    private const int MaxTogether = 64;

    /// <summary>Of one partition, delivered and not passed by its position; about 5 MB of marks.</summary>
    private const int MaxUnsettled = 100_000;

    /// <summary>Also how long a stop may go unnoticed.</summary>
    private static readonly TimeSpan PollTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>How long one poll may be late for want of room: too short to matter to the group.</summary>
    private static readonly TimeSpan RoomTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// A client that is paused throws away what it has fetched, some megabytes, and fetches it again: where handlers finish
    /// anything at all, it is cheaper to poll at their pace. Nothing finished for so long, it is paused and polled on; the few
    /// records that come meanwhile are above the limit.
    /// </summary>
    private static readonly TimeSpan PauseAfter = TimeSpan.FromSeconds(2);

    /// <summary>Often enough for the client's commit interval (5 s), and too seldom to cost anything.</summary>
    private static readonly TimeSpan StoreInterval = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(200);

    /// <summary>The client says once that it may not read a topic, and never that it may again.</summary>
    private static readonly TimeSpan RefusedRetryInterval = TimeSpan.FromSeconds(10);

    /// <summary>Fine enough for health and metrics.</summary>
    private static readonly TimeSpan MeasureInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Committing and leaving the group take milliseconds, or, when no broker answers, for ever. Then the session's time-out
    /// tells the group, and what was not committed is dropped as a repeat.
    /// </summary>
    private static readonly TimeSpan LeaveLimit = TimeSpan.FromSeconds(3);

    private readonly string _name;
    private readonly LatestStart? _latestStart;
    private readonly IEnumerable<string> _topics;
    private readonly TopicIncarnations _incarnations;
    private readonly LostOffsets _lostOffsets;
    private readonly KafkaClients _clients;
    private readonly TimeSpan _drainLimit;
    private readonly IReadOnlyList<ConsumerGate> _gates;
    private readonly ProgressMeter _meter;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly GroupLanes _lanes;
    private readonly CancellationTokenSource _stopping = new();
    private readonly InFlight _inFlight;
    private readonly ManualResetEventSlim _stop = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ConsumerGroup(
        GroupStatus status,
        LostOffsets lostOffsets,
        GroupLanes lanes,
        IEnumerable<string> topics,
        IReadOnlyList<ConsumerGate> gates,
        KafkaClients clients,
        TimeSpan drainLimit,
        TimeProvider time,
        ILoggerFactory loggers)
    {
        Status = status;
        _name = status.Group;
        _lostOffsets = lostOffsets;
        _gates = gates;
        _lanes = lanes;
        _inFlight = lanes.InFlight;
        _meter = new ProgressMeter(time);
        _topics = topics;
        _clients = clients;
        _drainLimit = drainLimit;
        _time = time;
        _loggers = loggers;
        _logger = loggers.CreateLogger<ConsumerGroup>();
        _incarnations = new TopicIncarnations(_name, topics, loggers.CreateLogger<TopicIncarnations>());
        _latestStart = status.Consumers[0].Options.StartFrom is StartFrom.Latest ? new LatestStart(_incarnations.IsNew) : null;
    }

    public GroupStatus Status { get; }

    // Unsafe: it outlives whatever request or trace happened to start the host.
    public void Start()
    {
        ConsumerGauges.Add(Status);
        new Thread(Run) { Name = $"eventbus consumer {_name}", IsBackground = true }.UnsafeStart();
        _lanes.Start(_stopping.Token);
    }

    /// <inheritdoc cref="LostOffsets.ReleaseAsync"/>
    public Task ReleaseAsync(StartFrom startFrom, DateTimeOffset? at, CancellationToken ct) => _lostOffsets.ReleaseAsync(startFrom, at, ct);

    /// <summary>Drains and leaves the group. When <paramref name="ct"/> is cancelled, handlers are no longer awaited.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        _stop.Set();
        await _stopping.CancelAsync().ConfigureAwait(false);
        try
        {
            await _drained.Task.WaitAsync(ct).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await _hurry.CancelAsync().ConfigureAwait(false);
        }

        if (await Task.WhenAny(_ended.Task, Task.Delay(LeaveLimit, _time, CancellationToken.None)).ConfigureAwait(false) != _ended.Task)
        {
            ConsumingLog.NotLeftInTime(_logger, _name);
        }
    }

    public void Dispose()
    {
        _stop.Set();
        _stopping.Cancel();
        _hurry.Cancel();
    }

    private void Run()
    {
        try
        {
            WaitUntilItMayStart();
            var backOff = new ClientBackOff();
            while (!_stop.IsSet)
            {
                var began = _time.GetTimestamp();
                if (Consume() is { } failure && !MayReplace(failure, backOff, _time.GetElapsedTime(began)))
                {
                    break;
                }
            }
        }
        finally
        {
            ConsumerGauges.Remove(Status);
            ConsumingLog.GroupStopped(_logger, _name);
            if (Status.Phase is not GroupPhase.Fenced)
            {
                Status.Enter(GroupPhase.Stopped);
            }

            _drained.TrySetResult();
            _ended.SetResult();
        }
    }

    private void WaitUntilItMayStart()
    {
        Status.Enter(GroupPhase.Joining);
        try
        {
            _lostOffsets.WaitAsync(_stopping.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // Stopped before.
        }
    }

    /// <summary>What a client's death asks for: never another one, or one after a while, which this waits for.</summary>
    private bool MayReplace(Exception failure, ClientBackOff backOff, TimeSpan lived)
    {
        var kind = failure switch
        {
            KafkaClientException e => e.Kind,
            EventBusConfigurationException => ClientFailure.Refused,
            _ => ClientFailure.Other,
        };
        Status.Hit(kind, (failure as KafkaClientException)?.Topic, failure.Message);
        if (kind is ClientFailure.Fenced)
        {
            Status.Enter(GroupPhase.Fenced);
            ConsumingLog.Fenced(_logger, _name, failure.Message);
            return false;
        }

        var delay = backOff.Next(kind, lived);
        Status.Enter(GroupPhase.Replacing);
        if (kind is ClientFailure.Unreleased)
        {
            ConsumingLog.Unreleased(_logger, _name, failure.Message, delay);
        }
        else
        {
            ConsumingLog.ConsumerReplaced(_logger, failure, _name, delay);
        }

        _stop.Wait(delay);
        return true;
    }

    /// <summary>The life of one client. Returns what it died of; <see langword="null"/> after an orderly end, of the group or of one of its topics.</summary>
    private Exception? Consume()
    {
        var assignments = new Assignments(_name, _lanes.Prepare, _drainLimit, _logger, _hurry.Token);
        KafkaConsumer? consumer = null;
        try
        {
            Status.Enter(GroupPhase.Joining);
            consumer = new KafkaConsumer(_clients, _name, _latestStart, _incarnations.IsNew, new ObservedAssignments(assignments, Status), _loggers.CreateLogger<KafkaConsumer>());
            consumer.Subscribe(_topics);
            var recreated = PollUntilStopped(consumer, assignments);
            List<PartitionId> anew = [.. assignments.Partitions.Where(partition => recreated.Contains(partition.Topic))];
            assignments.Stop(consumer);
            if (anew.Count > 0)
            {
                consumer.CommitBeginning(anew);
            }

            if (_stop.IsSet)
            {
                _drained.TrySetResult();
            }

            consumer.Close();
            return null;
        }
        catch (Exception e)
        {
            assignments.Lost([.. assignments.Partitions]);
            if (e is not KafkaClientException { IsFatal: true } and not KafkaClientException { Kind: ClientFailure.Fenced })
            {
                // So that the group need not wait for this member's session to end.
                consumer?.Close();
            }

            return e;
        }
        finally
        {
            // Nothing is left after an orderly end.
            assignments.Lost([.. assignments.Partitions]);
            _incarnations.Forget();
            consumer?.Dispose();
        }
    }

    /// <returns>The topics that were made anew, for which the client knows a position and a leader's epoch of their former selves; empty when the group stops.</returns>
    private IReadOnlyList<string> PollUntilStopped(KafkaConsumer consumer, Assignments assignments)
    {
        var isPaused = false;
        var hasMore = false;
        var fullSince = 0L;
        var pausedVersion = 0;
        var tooLong = new HashSet<PartitionId>();
        var nextStore = 0L;
        var nextMeasure = 0L;
        var nextRetry = 0L;
        while (!_stop.IsSet)
        {
            if (isPaused && _inFlight.WaitForRoom(RoomTimeout))
            {
                isPaused = false;
                consumer.Resume(assignments.Partitions.Except(tooLong));
            }
            else if (!isPaused && IsFullFor(PauseAfter, ref fullSince))
            {
                isPaused = true;
                pausedVersion = assignments.Version;
                consumer.Pause(assignments.Partitions);
            }

            if (hasMore)
            {
                // Only where reading is ahead of handlers: what comes one by one must not wait because a busy key has many in flight.
                _inFlight.WaitForFew();
            }

            // Polling goes on while paused: it is what keeps the membership.
            hasMore = DeliverWhatIsThere(consumer, assignments, isPaused ? TimeSpan.Zero : PollTimeout);
            if (Status.IsTroubled)
            {
                LookAtTroubles(consumer, assignments, ref nextRetry, isPaused);
            }

            if (isPaused && pausedVersion != assignments.Version)
            {
                // What was assigned meanwhile is not paused yet.
                pausedVersion = assignments.Version;
                consumer.Pause(assignments.Partitions);
            }

            if (Environment.TickCount64 >= nextStore)
            {
                nextStore = Environment.TickCount64 + (long)StoreInterval.TotalMilliseconds;
                assignments.StorePositions(consumer);
                PauseTooLong(consumer, assignments, tooLong, isPaused);
            }

            if (Environment.TickCount64 >= nextMeasure)
            {
                nextMeasure = Environment.TickCount64 + (long)MeasureInterval.TotalMilliseconds;
                Status.Measured(_meter.Measure(consumer, assignments, _gates.Any(gate => gate.IsPaused), isPaused || _inFlight.IsFull || _gates.Any(gate => gate.IsFull)), _inFlight.Records);
                if (_incarnations.Look(consumer) is { Count: > 0 } recreated)
                {
                    return recreated;
                }
            }
        }

        return [];
    }

    /// <summary>Waits a little for room, and tells whether none at all was made for long.</summary>
    private bool IsFullFor(TimeSpan limit, ref long since)
    {
        if (!_inFlight.IsFull || _inFlight.WaitForRoom(RoomTimeout) || !_inFlight.IsFull)
        {
            since = 0;
            return false;
        }

        since = since == 0 ? Environment.TickCount64 : since;
        return Environment.TickCount64 - since >= (long)limit.TotalMilliseconds;
    }

    /// <summary>Begins to fetch anew what was refused: if that is mended, the topic's records come, or at least its end.</summary>
    private void LookAtTroubles(KafkaConsumer consumer, Assignments assignments, ref long nextRetry, bool isPaused)
    {
        if (consumer.LastRead is { } topic)
        {
            consumer.ForgetLastRead();
            Status.Reads(topic);
        }

        if (Environment.TickCount64 < nextRetry || isPaused)
        {
            return;
        }

        nextRetry = Environment.TickCount64 + (long)RefusedRetryInterval.TotalMilliseconds;
        var refused = Status.Troubles.Where(trouble => trouble.Kind == ClientFailure.Refused).Select(trouble => trouble.Topic).ToHashSet();
        var partitions = assignments.Partitions.Where(partition => refused.Contains(partition.Topic)).ToList();
        consumer.Pause(partitions);
        consumer.Resume(partitions);
    }

    /// <summary>
    /// Behind one record that waits long, others finish and are remembered until the position can pass it, and would be
    /// delivered again after a crash: a partition with too many of them is read no further.
    /// </summary>
    private static void PauseTooLong(KafkaConsumer consumer, Assignments assignments, HashSet<PartitionId> tooLong, bool isPaused)
    {
        tooLong.IntersectWith(assignments.Partitions);
        foreach (var partition in assignments.Partitions)
        {
            var unsettled = assignments[partition].Unsettled;
            if (unsettled > MaxUnsettled && tooLong.Add(partition))
            {
                consumer.Pause([partition]);
            }
            else if (unsettled <= MaxUnsettled / 2 && tooLong.Remove(partition) && !isPaused)
            {
                consumer.Resume([partition]);
            }
        }
    }

    private IncomingRecord? Poll(KafkaConsumer consumer, TimeSpan timeout)
    {
        try
        {
            return consumer.Poll(timeout);
        }
        catch (KafkaClientException e) when (!e.IsFatal && e.Kind is not ClientFailure.Fenced)
        {
            if (e.Kind is not ClientFailure.Other)
            {
                consumer.ForgetLastRead();
                Status.Hit(e.Kind, e.Topic, e.Message);
            }

            ConsumingLog.ConsumerError(_logger, _name, e.Code, e.Reason);
            _lanes.Begin();
            _stop.Wait(ErrorPause);
            return null;
        }
    }

    /// <summary>Hands over what the client has, some records together; where it has none, the next one that comes in time.</summary>
    /// <returns>Whether the client had as many as are handed over at once.</returns>
    private bool DeliverWhatIsThere(KafkaConsumer consumer, Assignments assignments, TimeSpan timeout)
    {
        var count = 0;
        while (count < MaxTogether && !_inFlight.IsFull && Poll(consumer, TimeSpan.Zero) is { } record)
        {
            _lanes.Add(assignments[new PartitionId(record.Topic, record.Partition)], record);
            count++;
        }

        if (count == 0 && Poll(consumer, timeout) is { } next)
        {
            _lanes.Add(assignments[new PartitionId(next.Topic, next.Partition)], next);
        }

        _lanes.Begin();
        return count == MaxTogether;
    }
}
