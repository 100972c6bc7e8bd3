using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// One drain of one lane: read, send, delete, until the lane is empty. Invariant: what it sends of a key is a gap-free prefix of
/// the key's pending rows (README.md has the argument). A read returns all pending rows above the floor but those on their way;
/// rows are handed over in the order of their ids; and none is handed over while one of its key before it failed, waits, or was
/// passed over.
/// </summary>
/// <remarks>
/// Reads go on while earlier rows are unanswered, as long as these are few. After a failure of the common producer nothing is
/// sent until it has answered for everything; rows that it refused are then suspected, and sent alone. Longer than most files:
/// its steps share what is on the way. For one use.
/// </remarks>
internal sealed class LaneDrain(RelayContext relay, LaneWork work, CancellationToken ct)
{
    /// <summary>Longer than a healthy answer takes: of a row that waits longer the partition is taken for blocked.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(1);

    /// <summary>How often a lane is read that waits only for blocked partitions: its other rows must not wait with them.</summary>
    private static readonly TimeSpan BlockedPoll = TimeSpan.FromMilliseconds(250);

    /// <summary>So many reads' worth of rows may be passed over above the floor before reads wait: each read names them.</summary>
    private const int MostPassedReads = 10;

    /// <summary>How long one lane keeps its connection from others that wait for it.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);

    /// <summary>How long a stop waits for what the broker is about to acknowledge.</summary>
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(1);

    /// <summary>How often rejected rows are looked at that became due while the lane is busy.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    /// <summary>Rejected rows that are tried again at once: each takes a round trip of its own.</summary>
    private const int RetriesAtOnce = 16;

    private readonly LaneClaim _claim = new(relay.Sql, relay.Database.Layout.Dialect, work.Lane, relay.Owner, relay.Options);
    private readonly LaneWindow _window = new();
    private readonly BlockedPartitions _blocked = new();
    private readonly LaneFloor _floor = work.Floor;
    private readonly TimeProvider _time = relay.Time;

    /// <summary>Rows that were refused, perhaps only for a neighbour in their batch.</summary>
    private readonly HashSet<long> _suspects = [];

    /// <summary>Keys of which a row travels alone.</summary>
    private readonly HashSet<RowKey> _alone = [];

    /// <summary>Keys of which a row of this read could not be sent yet.</summary>
    private readonly HashSet<RowKey> _held = [];

    private readonly List<long> _done = [];
    private readonly List<long> _park = [];

    /// <summary>The keys that wait behind a rejected row; <see langword="null"/> as long as there was no sign of any.</summary>
    private Dictionary<RowKey, long>? _waiting;

    private ProducerGeneration? _generation;
    private DatabaseSession? _session;
    private long? _unsentFrom;
    private long _tookTurnAt;
    private long? _renewedAt;
    private long _readAt;
    private long? _retriedAt;
    private bool _mayRetry;
    private bool _wasAnswered;
    private bool _isQueueFull;
    private bool _isTrouble;

    private enum Next
    {
        Read,
        Release,
        LeaseLost,
    }

    /// <summary>Whether nothing is left to do but to let go.</summary>
    private bool IsIdle => _window.Rows.Count == 0 && _park.Count == 0 && _unsentFrom is null;

    /// <summary>The next owner must begin below all of which the broker's answer is not known.</summary>
    private long DurableFloor(bool isParking)
    {
        var floor = Math.Min(_floor.Value, Math.Min(_unsentFrom ?? long.MaxValue, _blocked.PassedFrom ?? long.MaxValue) - 1);
        foreach (var row in _window.Rows.Values)
        {
            // A rejected row that is tried again is not among the pending ones.
            floor = row.Way == SendWay.Again ? floor : Math.Min(floor, row.Id - 1);
        }

        return isParking || _park.Count == 0 ? floor : Math.Min(floor, _park.Min() - 1);
    }

    /// <summary>Drains the lane, or wakes the relay that has it.</summary>
    /// <returns>Whether all went well; otherwise the bus is in trouble and the lane should be tried again in a while.</returns>
    public async Task<bool> RunAsync()
    {
        work.Attach(_window);
        try
        {
            await EnterAsync(ct).ConfigureAwait(false);
            await RunInTurnAsync().ConfigureAwait(false);
            await LeaveAsync(isBroken: false).ConfigureAwait(false);
        }
        catch
        {
            _floor.Forget();
            throw;
        }
        finally
        {
            work.Attach(null);
            await LeaveAsync(isBroken: true).ConfigureAwait(false);
        }

        return !_isTrouble;
    }

    private async Task RunInTurnAsync()
    {
        var wants = work.Take();
        var isThorough = wants == LaneWants.Everything;
        var read = await WritingAsync(() => _claim.ClaimAsync(_session!, relay.Limit, isThorough, AsksWriters, ct)).ConfigureAwait(false);
        if (read is null)
        {
            return;
        }

        var claimedAt = _time.GetTimestamp();
        _floor.Begin(_claim.Floor);
        _mayRetry = wants.HasFlag(LaneWants.Retries);
        while (true)
        {
            _readAt = _time.GetTimestamp();
            _renewedAt = _readAt;
            _wasAnswered = false;
            var next = isThorough ? Next.Read
                : await SendAsync(read).ConfigureAwait(false) ? await WaitAsync(read.IsComplete).ConfigureAwait(false) : Next.LeaseLost;
            switch (next)
            {
                case Next.LeaseLost:
                    LeaseLost();
                    return;
                case Next.Release when await ReleaseAsync().ConfigureAwait(false):
                    BusMetrics.OutboxDrainDuration.Record(_time.GetElapsedTime(claimedAt).TotalSeconds, Tag);
                    return;
            }

            wants = work.Take();
            _mayRetry |= wants.HasFlag(LaneWants.Retries);
            if (isThorough || wants == LaneWants.Everything)
            {
                // Before the next read, which begins at the beginning.
                isThorough = false;
                await WritingAsync(() => _claim.ReturnOrphansAsync(_session!, ct)).ConfigureAwait(false);
                _floor.Forget();
                _floor.Reset();
            }

            var step = Step();
            read = await WritingAsync(() => _claim.ReadAsync(_session!, step, relay.Limit, AsksWriters, ct)).ConfigureAwait(false);
            if (read is null)
            {
                LeaseLost();
                return;
            }

            Deleted();
            _park.Clear();
        }
    }

    private bool AsksWriters => _floor.IsAsking;

    private LaneStep Step()
    {
        var floor = _floor.Value;
        _blocked.Trim(floor);
        long[] skip = [.. _window.Rows.Keys.Where(id => id > floor), .. _blocked.Passed];
        return new LaneStep { Done = _done, Park = _park, Skip = skip, Floor = floor, DurableFloor = DurableFloor(isParking: true) };
    }

    private void Deleted()
    {
        if (_done.Count > 0)
        {
            _floor.Done(_done.Count);
            BusMetrics.OutboxSent.Add(_done.Count, Tag);
            _done.Clear();
        }
    }

    private KeyValuePair<string, object?> Tag => BusMetrics.OutboxTag(relay.Database.Name);

    /// <summary>Another relay has the lane now. What is under way here can only repeat what it reads too.</summary>
    private void LeaseLost()
    {
        OutboxLog.LeaseLost(relay.Logger, relay.Database.Name);
        // What was wanted since its owner read: to be told, or done.
        work.WantMore(LaneWants.Rows);
    }

    // ---- Sending

    /// <summary>Hands over what may be sent of a read, and rejected rows that are due.</summary>
    /// <returns>Whether the lane is still ours.</returns>
    private async Task<bool> SendAsync(LaneRead read)
    {
        if ((read.HasWaiting || _mayRetry) && _waiting is null)
        {
            _waiting = await _claim.WaitingKeysAsync(_session!, ct).ConfigureAwait(false);
            _mayRetry = true;
            if (_waiting is null)
            {
                return false;
            }
        }

        if (read.Rows.Count > 0)
        {
            relay.Learn(read);
        }

        _unsentFrom = null;
        _held.Clear();
        _isQueueFull = false;
        var isFull = false;
        foreach (var row in read.Rows)
        {
            isFull = isFull || !Send(row);
            if (isFull)
            {
                _unsentFrom ??= row.Id;
            }
        }

        var seen = _unsentFrom is { } unsent ? unsent - 1 : read.Rows.Count > 0 ? read.Rows[^1].Id : (long?)null;
        _floor.Read(read.Writers, seen, read.IsComplete && _unsentFrom is null);
        if (_mayRetry && (_retriedAt is not { } at || _time.GetElapsedTime(at) >= RetryInterval))
        {
            await RetryAsync().ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Decides about one row.</summary>
    /// <returns>Whether the next one may be looked at.</returns>
    private bool Send(PendingRow row)
    {
        var key = RowKey.Of(row);
        if (key is { } known)
        {
            if (_waiting is not null && _waiting.TryGetValue(known, out var head) && head < row.Id)
            {
                _park.Add(row.Id);
                return true;
            }

            if ((_alone.Count > 0 && _alone.Contains(known)) || (_held.Count > 0 && _held.Contains(known)))
            {
                _unsentFrom ??= row.Id;
                return true;
            }
        }

        if (_suspects.Count > 0 && _suspects.Contains(row.Id))
        {
            if (key is { } suspected && _window.Rows.Values.Any(sent => RowKey.Of(sent.Row) is { } other && other.Equals(suspected)))
            {
                // One producer's records are written in their order, but not those of two.
                _held.Add(suspected);
                _unsentFrom ??= row.Id;
                return true;
            }

            SendAlone(row, SendWay.Suspected);
            return true;
        }

        if (_blocked.Passes(row))
        {
            _floor.Done(1);
            return true;
        }

        _generation ??= relay.Producer.Current;
        var sent = new SentRow(_window, row, SendWay.Together, _time);
        _window.Add(sent);
        _generation.Send(row.Topic, row.Key, row.Payload, row.Headers, sent);
        row.Forget();
        // Not taken, by a full queue for instance: neither may a later row of its key be.
        return sent.Result is not { IsAcknowledged: false };
    }

    private void SendAlone(PendingRow row, SendWay way)
    {
        if (RowKey.Of(row) is { } key)
        {
            _alone.Add(key);
        }

        var sent = new SentRow(_window, row, way, _time);
        _window.Add(sent);
        relay.LonelyProducer.Current.Send(row.Topic, row.Key, row.Payload, row.Headers, sent);
        row.Forget();
    }

    private async Task RetryAsync()
    {
        _retriedAt = _time.GetTimestamp();
        var due = await _claim.DueAsync(_session!, [.. _window.Rows.Keys], RetriesAtOnce, ct).ConfigureAwait(false);
        foreach (var row in due)
        {
            SendAlone(row, SendWay.Again);
        }

        if (due.Count == RetriesAtOnce)
        {
            _retriedAt = null;
        }
    }

    // ---- Waiting

    /// <summary>Waits for answers until there is something to read for, or nothing left to wait for.</summary>
    private async Task<Next> WaitAsync(bool isComplete)
    {
        while (!ct.IsCancellationRequested)
        {
            var isChanged = await SettleAsync().ConfigureAwait(false);
            if (_isTrouble)
            {
                return Next.Release;
            }

            // The rows are looked at only where one can be blocked.
            var blocked = _window.IsOrdinary && _blocked.IsEmpty ? 0 : _window.Rows.Values.Count(IsBlocked);
            var moving = _window.Rows.Count - blocked;
            var isOver = relay.Slots.IsWanted && _time.GetElapsedTime(_tookTurnAt) > Turn;
            if (isChanged || (work.IsWanted && !isOver))
            {
                return Next.Read;
            }

            if (moving + blocked == 0)
            {
                if (isOver)
                {
                    // Others wait: what is left is for the next turn.
                    work.WantMore(LaneWants.Rows);
                    return Next.Release;
                }

                if (_isQueueFull)
                {
                    // By rows of other lanes.
                    await _window.WaitAsync(-1, BlockedPoll, _time, CancellationToken.None).ConfigureAwait(false);
                }

                return isComplete && IsIdle ? Next.Release : Next.Read;
            }

            // Rows of other partitions may be behind those that are passed over; if nothing at all is answered, slowly.
            var sinceRead = _time.GetElapsedTime(_readAt);
            var most = relay.Limit;
            var mayReadOn = !isComplete && !isOver && _unsentFrom is null && KeylessAnd(moving) <= most && _blocked.Passed.Count() <= MostPassedReads * most;
            if ((mayReadOn && (moving > 0 || _wasAnswered || sinceRead >= Late)) || (moving == 0 && isComplete && sinceRead >= BlockedPoll) || (moving == 0 && sinceRead >= Late))
            {
                return Next.Read;
            }

            var enough = !isComplete && !isOver && _unsentFrom is null && moving > most ? blocked + most : moving > 0 ? blocked : 0;
            if (!await StandByAsync(enough, isBlocked: moving == 0).ConfigureAwait(false))
            {
                return Next.LeaseLost;
            }
        }

        // The stop: what is acknowledged need not be sent again by the next owner.
        await _window.WaitAsync(0, LastAnswers, _time, CancellationToken.None).ConfigureAwait(false);
        await SettleAsync().ConfigureAwait(false);
        return Next.Release;
    }

    /// <summary>Waits, keeps the lease, and finds out which partitions are blocked.</summary>
    /// <returns>Whether the lane is still ours.</returns>
    private async Task<bool> StandByAsync(int enough, bool isBlocked)
    {
        if (isBlocked)
        {
            // However long it takes: others need the connection more.
            await LeaveAsync(isBroken: false).ConfigureAwait(false);
        }

        try
        {
            var isLate = !await _window.WaitAsync(enough, isBlocked ? BlockedPoll : MostWait, _time, ct).ConfigureAwait(false);
            if (!await RenewIfDueAsync().ConfigureAwait(false))
            {
                return false;
            }

            if (isLate)
            {
                await BlockAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The stop: the loop's condition sees it.
        }

        // Also for the last words of a stop.
        return await EnterAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>A lease is renewed three times in its length.</summary>
    private TimeSpan MostWait => Late < relay.Options.Lease / 3 ? Late : relay.Options.Lease / 3;

    /// <summary>By a connection of its own: this must not wait for the drains of other lanes.</summary>
    /// <returns>Whether the lane is still ours.</returns>
    private async Task<bool> RenewIfDueAsync()
    {
        if (_renewedAt is not { } at || _time.GetElapsedTime(at) < relay.Options.Lease / 3)
        {
            return true;
        }

        _renewedAt = _time.GetTimestamp();
        return await relay.Aside.UseAsync(
            async session =>
            {
                using var turn = await relay.Database.EnterWriteAsync(ct).ConfigureAwait(false);
                return await _claim.RenewAsync(session, ct).ConfigureAwait(false);
            },
            ct).ConfigureAwait(false);
    }

    /// <summary>Rows without a key wait for whatever partition they got, so those that are late count as well.</summary>
    private int KeylessAnd(int moving) => _window.IsOrdinary ? moving : moving + _window.Rows.Values.Count(row => row.Row.Key is null && IsBlocked(row));

    private bool IsLate(SentRow row) => _time.GetElapsedTime(row.SentAt) >= Late;

    /// <summary>Whether the row's answer may take as long as its partition's trouble.</summary>
    private bool IsBlocked(SentRow row) => row.Blocked is not null || (!row.IsOrdinary && IsLate(row));

    private async Task BlockAsync()
    {
        var late = _window.Rows.Values.Where(row => row is { Way: SendWay.Together, Blocked: null, Row.Key: not null } && IsLate(row)).ToList();
        if (_generation is not { } generation || late.Count == 0)
        {
            return;
        }

        var topics = _blocked.Unknown(late).ToList();
        var counts = await Task.WhenAll(topics.Select(generation.PartitionsAsync)).ConfigureAwait(false);
        for (var i = 0; i < topics.Count; i++)
        {
            _blocked.Learn(topics[i], counts[i]);
        }

        foreach (var row in late.Where(row => row.Result is null))
        {
            _blocked.Block(row);
        }
    }

    // ---- Settling

    /// <summary>Takes the answers.</summary>
    /// <returns>Whether there are rows to read now that were not to be read before.</returns>
    private async Task<bool> SettleAsync()
    {
        var isChanged = false;
        var answers = _window.TakeAnswers();
        if (_generation is { IsUsable: false })
        {
            await EndGenerationAsync(answers).ConfigureAwait(false);
            isChanged = true;
        }

        foreach (var row in answers)
        {
            var result = row.Result!.Value;
            if (row.Way != SendWay.Together)
            {
                await SettleAloneAsync(row, result).ConfigureAwait(false);
                isChanged = true;
            }
            else if (result.IsAcknowledged)
            {
                _done.Add(row.Id);
                _wasAnswered = true;
            }
            else
            {
                isChanged |= !result.IsQueueFull;
                Failed(row, result);
            }

            if (_blocked.Answered(row) is { } passedFrom)
            {
                _floor.LowerBelow(passedFrom);
                isChanged = true;
            }
        }

        return isChanged;
    }

    private void Failed(SentRow row, SendResult result)
    {
        _floor.LowerBelow(row.Id);
        _isQueueFull |= result.IsQueueFull;
        if (result.Outcome == SendOutcome.Rejected)
        {
            _suspects.Add(row.Id);
        }
        else if (result is { Outcome: SendOutcome.Trouble, IsQueueFull: false } && !_isTrouble)
        {
            _isTrouble = true;
            OutboxLog.SendFailed(relay.Logger, relay.Database.Name, result.Error!);
        }
    }

    /// <summary>A producer that became unusable answers for everything soon; then another one may take what is left.</summary>
    private async Task EndGenerationAsync(List<SentRow> answers)
    {
        while (_window.Rows.Values.Any(row => row.Way == SendWay.Together))
        {
            // Rows that travel alone have another producer, and may take long.
            await _window.WaitAsync(_window.Rows.Values.Count(row => row.Way != SendWay.Together), relay.Options.Lease / 3, _time, CancellationToken.None).ConfigureAwait(false);
            answers.AddRange(_window.TakeAnswers());
            if (!ct.IsCancellationRequested)
            {
                await RenewIfDueAsync().ConfigureAwait(false);
            }
        }

        _generation = null;
        if (_blocked.Clear() is { } passedFrom)
        {
            _floor.LowerBelow(passedFrom);
        }
    }

    /// <summary>Only a row that is refused alone is charged with an attempt.</summary>
    private async Task SettleAloneAsync(SentRow sent, SendResult result)
    {
        var row = sent.Row;
        var key = RowKey.Of(row);
        if (key is { } known)
        {
            _alone.Remove(known);
        }

        if (result.IsAcknowledged)
        {
            _wasAnswered = true;
            _suspects.Remove(row.Id);
            if (sent.Way == SendWay.Suspected)
            {
                _done.Add(row.Id);
                return;
            }

            if (ct.IsCancellationRequested)
            {
                // It is sent once more by the next owner.
                return;
            }

            await WritingAsync(() => _claim.DeliveredAsync(_session!, row, ct)).ConfigureAwait(false);
            BusMetrics.OutboxSent.Add(1, Tag);
            Unpark(key);
            return;
        }

        if (sent.Way == SendWay.Suspected)
        {
            _floor.LowerBelow(row.Id);
        }

        if (result.Outcome == SendOutcome.Rejected && !ct.IsCancellationRequested)
        {
            await RejectAsync(row, key, result.Error!).ConfigureAwait(false);
        }
        else if (result is { Outcome: SendOutcome.Trouble, IsQueueFull: false })
        {
            _isTrouble = true;
            OutboxLog.SendFailed(relay.Logger, relay.Database.Name, result.Error!);
        }
    }

    private async Task RejectAsync(PendingRow row, RowKey? key, string error)
    {
        var outcome = await WritingAsync(() => _claim.RejectAsync(_session!, row, error, ct)).ConfigureAwait(false);
        _suspects.Remove(row.Id);
        if (outcome is not { } rejected)
        {
            // The lane is another's, as the next read will say, or someone deleted the row.
            return;
        }

        _mayRetry = true;
        BusMetrics.OutboxRejected.Add(1, Tag);
        if (rejected.State == OutboxEntryState.Dead)
        {
            BusMetrics.OutboxDied.Add(1, Tag);
            OutboxLog.RowDied(relay.Logger, rejected, error);
            Unpark(key);
            return;
        }

        OutboxLog.RowRejected(relay.Logger, rejected, error);
        if (key is { } known)
        {
            _waiting ??= [];
            _waiting[known] = row.Id;
        }
    }

    /// <summary>The rows behind it are pending again, with the ids they had.</summary>
    private void Unpark(RowKey? key)
    {
        if (key is { } known)
        {
            _waiting?.Remove(known);
            _floor.Reset();
            // Rows of this key that were to be parked have nobody to wait for now; all are read again.
            _park.Clear();
        }
    }

    private async Task<bool> ReleaseAsync()
    {
        var step = new LaneStep { Done = _done, DurableFloor = DurableFloor(isParking: false) };
        // Also when stopping: what is acknowledged need not be sent again by the next owner.
        using var turn = await relay.Database.EnterWriteAsync(CancellationToken.None).ConfigureAwait(false);
        var isReleased = await _claim.ReleaseAsync(_session!, step, CancellationToken.None).ConfigureAwait(false);
        Deleted();
        // Where someone woke the lane meanwhile, a stop or trouble leaves that to the sweep.
        return isReleased || _isTrouble || ct.IsCancellationRequested;
    }

    // ---- The connection

    /// <returns>Whether the lane is still ours, if it was.</returns>
    private async Task<bool> EnterAsync(CancellationToken stop)
    {
        while (_session is null)
        {
            _session = await relay.Slots.TakeAsync(relay.Options.Lease / 3, stop).ConfigureAwait(false);
            _tookTurnAt = _time.GetTimestamp();
            if (!ct.IsCancellationRequested && !await RenewIfDueAsync().ConfigureAwait(false))
            {
                return false;
            }
        }

        return true;
    }

    private async ValueTask LeaveAsync(bool isBroken)
    {
        if (_session is { } session)
        {
            _session = null;
            await relay.Slots.GiveBackAsync(session, isBroken).ConfigureAwait(false);
        }
    }

    private async Task<T> WritingAsync<T>(Func<Task<T>> write)
    {
        using var turn = await relay.Database.EnterWriteAsync(ct).ConfigureAwait(false);
        return await write().ConfigureAwait(false);
    }
}
