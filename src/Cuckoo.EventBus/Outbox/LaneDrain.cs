using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Drains one lane: read, send, settle, until it is empty. Invariant: what it sends of a key is a gap-free prefix of the key's
/// pending rows. Every read begins at the lane's first pending row and happens only when all rows of the pass before are
/// answered; within a pass all rows go through one producer generation, behind whose first failure nothing is acknowledged.
/// </summary>
internal sealed class LaneDrain(
    EventBusDatabase database, LaneSql sql, RecordProducer producer, RecordProducer lonelyProducer, RelayOptions options, string owner, TimeProvider time, ILogger logger)
{
    /// <summary>How long a stop waits for what the broker is about to acknowledge.</summary>
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(1);

    private static readonly SendResult NotAnswered = new(SendOutcome.Trouble, "The relay stopped before the broker answered.");

    private static readonly Task<SendResult> Suspected = Task.FromResult(new SendResult(SendOutcome.Rejected, "It was refused before."));

    private static readonly Task<SendResult> Behind = Task.FromResult(new SendResult(SendOutcome.HeldBack, "A row before it is suspected."));

    private readonly SqlDialect _dialect = database.Layout.Dialect;

    private enum Next
    {
        /// <summary>All that was read is sent: let go, unless there may be more.</summary>
        Release,

        /// <summary>Rows were held back or refused: what remains can be sent now.</summary>
        Read,

        /// <summary>Trouble: let go and try again in a while.</summary>
        Pause,
    }

    /// <summary>Drains the lane, or wakes the relay that has it.</summary>
    /// <returns>Whether all went well; otherwise the bus is in trouble and the lane should be tried again in a while.</returns>
    public async Task<bool> DrainAsync(short lane, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        var claim = new LaneClaim(sql, _dialect, session, lane, owner, options);
        List<long> acknowledged = [];
        var limit = options.BatchSize;
        while (true)
        {
            List<PendingRow>? rows;
            using (await database.EnterWriteAsync(ct).ConfigureAwait(false))
            {
                rows = await claim.ReadAsync(acknowledged, limit, ct).ConfigureAwait(false);
            }

            if (rows is null)
            {
                return true;
            }

            acknowledged = [];
            var next = rows.Count == 0 ? Next.Release : await SendAsync(rows, acknowledged, session, claim, ct).ConfigureAwait(false);
            BusMetrics.OutboxSent.Add(acknowledged.Count, new KeyValuePair<string, object?>("cuckoo.eventbus.outbox", database.Name));
            var mayHaveMore = rows.Count >= limit || rows.Sum(r => (long)r.Bytes) >= options.BatchBytes;
            if (!ct.IsCancellationRequested && (next == Next.Read || (next == Next.Release && mayHaveMore)))
            {
                limit = NextLimit(rows);
                continue;
            }

            // Also when stopping: what is acknowledged need not be sent again by the next owner.
            using (await database.EnterWriteAsync(CancellationToken.None).ConfigureAwait(false))
            {
                var released = await claim.ReleaseAsync(acknowledged, CancellationToken.None).ConfigureAwait(false);
                if (released || next == Next.Pause || ct.IsCancellationRequested)
                {
                    return next != Next.Pause;
                }
            }

            acknowledged = [];
        }
    }

    /// <summary>So many rows of this size that a read does not bring far more than it keeps.</summary>
    private int NextLimit(List<PendingRow> rows) =>
        (int)Math.Clamp(options.BatchBytes / Math.Max(1, rows.Sum(r => (long)r.Bytes) / rows.Count), 1, options.BatchSize);

    private async Task<Next> SendAsync(List<PendingRow> rows, List<long> acknowledged, DatabaseSession session, LaneClaim claim, CancellationToken ct)
    {
        var generation = producer.Current;
        var held = new HashSet<RowKey>();
        var sends = new List<Task<SendResult>>(rows.Count);
        foreach (var row in rows)
        {
            // A row that was refused before would only spoil its batch again.
            var send = row.Attempts > 0 ? Suspected
                : row.Key is not null && held.Count > 0 && held.Contains(new RowKey(row)) ? Behind
                : Send(generation, row);
            sends.Add(send);
            if (!send.IsCompletedSuccessfully || send.Result.IsAcknowledged)
            {
                continue;
            }

            if (send.Result.Outcome == SendOutcome.Trouble)
            {
                // Not taken, by a full queue for instance: neither may a later row of its key be.
                break;
            }

            if (row.Key is not null)
            {
                held.Add(new RowKey(row));
            }
        }

        await KeepLeaseAsync(Task.WhenAll(sends), claim, ct).ConfigureAwait(false);
        var results = sends.ConvertAll(send => send.IsCompleted ? send.Result : NotAnswered);
        for (var i = 0; i < results.Count; i++)
        {
            if (results[i].IsAcknowledged)
            {
                acknowledged.Add(rows[i].Id);
            }
        }

        return acknowledged.Count == rows.Count || ct.IsCancellationRequested
            ? Next.Release
            : await SettleFailuresAsync(rows, results, acknowledged, session, claim, ct).ConfigureAwait(false);
    }

    /// <summary>
    /// The broker refuses a batch for one bad record in it, so a refused row is only suspected: it is sent again alone, in id
    /// order and never before an unsent row of its key. Only a row that is refused alone is charged with an attempt.
    /// </summary>
    private async Task<Next> SettleFailuresAsync(
        List<PendingRow> rows, List<SendResult> results, List<long> acknowledged, DatabaseSession session, LaneClaim claim, CancellationToken ct)
    {
        if (results.FirstOrDefault(r => r.Outcome == SendOutcome.Trouble) is { Error: { } trouble })
        {
            OutboxLog.SendFailed(logger, database.Name, trouble);
            return Next.Pause;
        }

        var renewed = time.GetTimestamp();
        var held = new HashSet<RowKey>();
        for (var i = 0; i < results.Count && !ct.IsCancellationRequested; i++)
        {
            var row = rows[i];
            if (results[i].IsAcknowledged || (row.Key is not null && held.Contains(new RowKey(row))))
            {
                continue;
            }

            var result = results[i];
            if (result.Outcome == SendOutcome.Rejected)
            {
                if (time.GetElapsedTime(renewed) > options.Lease / 3)
                {
                    // Each send is short, but many of them are not.
                    renewed = time.GetTimestamp();
                    await RenewAsync(claim, ct).ConfigureAwait(false);
                }

                var alone = Send(lonelyProducer.Current, row);
                await KeepLeaseAsync(alone, claim, ct).ConfigureAwait(false);
                result = alone.IsCompleted ? alone.Result : NotAnswered;
            }

            if (result.IsAcknowledged)
            {
                acknowledged.Add(row.Id);
                continue;
            }

            if (row.Key is not null)
            {
                held.Add(new RowKey(row));
            }

            if (result.Outcome == SendOutcome.Rejected)
            {
                await RejectAsync(row, result.Error!, session, ct).ConfigureAwait(false);
            }
            else if (result.Outcome == SendOutcome.Trouble)
            {
                return Next.Pause;
            }
        }

        return Next.Read;
    }

    private async Task RejectAsync(PendingRow row, string error, DatabaseSession session, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var command = session.Command(sql.Reject);
        command.AddParameter("id", row.Id);
        command.AddParameter("delay", RetrySchedule.Delay(row.Attempts, options).TotalSeconds);
        command.AddParameter("max", options.MaxAttempts);
        command.AddParameter("error", ErrorText.Storable(error));
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        if (!await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            return;
        }

        var tag = new KeyValuePair<string, object?>("cuckoo.eventbus.outbox", database.Name);
        BusMetrics.OutboxRejected.Add(1, tag);
        if (reader.GetInt16(0) == (short)OutboxState.Dead)
        {
            BusMetrics.OutboxDied.Add(1, tag);
            OutboxLog.RowDied(logger, row, reader.GetInt32(1), error);
        }
        else
        {
            OutboxLog.RowRejected(logger, row, reader.GetInt32(1), error);
        }
    }

    private static Task<SendResult> Send(ProducerGeneration generation, PendingRow row)
    {
        EventHeaders headers;
        try
        {
            headers = HeaderBlock.Read(row.Headers);
        }
        catch (FormatException e)
        {
            return Task.FromResult(new SendResult(SendOutcome.Rejected, e.Message));
        }

        return generation.SendAsync(row.Topic, row.Key, row.Payload, headers);
    }

    /// <summary>
    /// Waits for answers, however long an outage lasts, and renews the lease meanwhile. A stop ends the wait soon.
    /// </summary>
    private async Task KeepLeaseAsync(Task answers, LaneClaim claim, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await answers.WaitAsync(options.Lease / 3, time, ct).ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException)
            {
                await Task.WhenAny(answers, Task.Delay(LastAnswers, time, CancellationToken.None)).ConfigureAwait(false);
                return;
            }
            catch (TimeoutException)
            {
                await RenewAsync(claim, ct).ConfigureAwait(false);
            }
        }
    }

    private async Task RenewAsync(LaneClaim claim, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        if (!await claim.RenewAsync(ct).ConfigureAwait(false))
        {
            // Another relay has the lane now. What is under way here can only repeat what it reads too.
            OutboxLog.LeaseLost(logger, database.Name);
        }
    }
}
