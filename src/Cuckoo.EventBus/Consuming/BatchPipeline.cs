using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// The records of one partition at one consumer of batches, from being read to their outcomes. Invariant: a record is finished when
/// its outcome is durable, and the outcomes of one key are decided in the order of its records. Of one partition, one batch at a time.
/// </summary>
/// <param name="pipeline">What the consumer does with a record by itself.</param>
/// <param name="handler">What it does with a batch.</param>
/// <param name="retries">Whose fault a failure is.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed class BatchPipeline(ConsumerPipeline pipeline, BatchHandler handler, RetryPolicy retries, TimeProvider time, ILogger<BatchPipeline> logger)
{
    private readonly KeyValuePair<string, object?>[] _tags = [BusMetrics.GroupTag(pipeline.Consumer.Group), BusMetrics.ConsumerTag(pipeline.Consumer.Name)];

    public ConsumerSettings Consumer => pipeline.Consumer;

    /// <summary>What handles its parked records.</summary>
    public ConsumerPipeline Single => pipeline;

    /// <summary>Those that are not finished, in their order.</summary>
    /// <exception cref="OperationCanceledException">The partition is given up; what is not finished has no outcome.</exception>
    public async Task RunAsync(IReadOnlyList<BatchRecord> records, PartitionAssignment assignment)
    {
        var batch = new List<BatchRecord>(records.Count);
        foreach (var record in records.Where(record => !record.IsFinished))
        {
            record.Read(Consumer);
            if (record.Event.Unreadable is { } reason)
            {
                if (reason is UnknownEventTypeException)
                {
                    // It may park its key, which the records before it must not wait behind.
                    await RunBatchAsync(batch, assignment).ConfigureAwait(false);
                    batch.Clear();
                }

                await RunAloneAsync(record, () => pipeline.RejectAsync(record.Event, reason, time.GetUtcNow(), assignment)).ConfigureAwait(false);
            }
            else
            {
                batch.Add(record);
            }
        }

        await RunBatchAsync(batch, assignment).ConfigureAwait(false);
    }

    private async Task RunBatchAsync(List<BatchRecord> batch, PartitionAssignment assignment)
    {
        if (batch.Count <= 1)
        {
            await RunPartAsync(batch, span: null, assignment).ConfigureAwait(false);
            return;
        }

        // The records belong to traces of their own, which the batch's is linked to.
        var (first, last) = (batch[0].Event.Record, batch[^1].Event.Record);
        using var span = ProcessSpan.StartBatch(first.Topic, first.Partition, Consumer, batch.Select(record => record.Context.Trace), batch.Count);
        using var scope = logger.BeginScope(new BatchScope(first, last, batch.Count, Consumer));
        await RunPartAsync(batch, span, assignment).ConfigureAwait(false);
    }

    /// <summary>
    /// A batch or a part of one. It succeeds as a whole, or its first half comes to its end and then its second, down to the record
    /// that fails by itself.
    /// </summary>
    private async Task RunPartAsync(IReadOnlyList<BatchRecord> part, ProcessSpan? span, PartitionAssignment assignment)
    {
        var batch = await ParkBehindAsync(part, assignment).ConfigureAwait(false);
        if (batch.Count == 0)
        {
            return;
        }

        if (batch.Count == 1)
        {
            await RunAloneAsync(batch[0], () => pipeline.RunAsync(batch[0].Event, batch[0].Context, assignment).AsTask()).ConfigureAwait(false);
            return;
        }

        BatchResult? result = null;
        var failure = await retries.RunTogetherAsync(
            async () => result = await handler.TryAsync(batch, assignment.Lease).ConfigureAwait(false), assignment.Lease.Ending).ConfigureAwait(false);
        if (failure is not null)
        {
            span?.Failed(failure);
            ConsumingLog.BatchDivided(logger, failure, Consumer.Name, batch.Count);
            var half = batch.Count / 2;
            await RunPartAsync([.. batch.Take(half)], span, assignment).ConfigureAwait(false);
            await RunPartAsync([.. batch.Skip(half)], span, assignment).ConfigureAwait(false);
            return;
        }

        await SettleAsync(result!, assignment).ConfigureAwait(false);
        if (result!.Open.Count > 0)
        {
            await RunPartAsync(result.Open, span, assignment).ConfigureAwait(false);
        }
    }

    /// <summary>Parks the records whose key waits.</summary>
    /// <returns>The others.</returns>
    private async Task<IReadOnlyList<BatchRecord>> ParkBehindAsync(IReadOnlyList<BatchRecord> part, PartitionAssignment assignment)
    {
        if (!part.Any(record => assignment.Parked.Holds(Consumer.Name, record.Event.Record.Key)))
        {
            return part;
        }

        var others = new List<BatchRecord>(part.Count);
        foreach (var record in part)
        {
            if (assignment.Parked.Holds(Consumer.Name, record.Event.Record.Key))
            {
                await RunAloneAsync(record, () => pipeline.RunAsync(record.Event, record.Context, assignment).AsTask()).ConfigureAwait(false);
            }
            else
            {
                others.Add(record);
            }
        }

        return others;
    }

    /// <summary>A record by itself, in its publisher's trace.</summary>
    private async Task RunAloneAsync(BatchRecord record, Func<Task<Exception?>> run)
    {
        var incoming = record.Event;
        using var span = ProcessSpan.Start(incoming.Record, Consumer);
        using var scope = logger.BeginScope(new RecordScope(incoming, Consumer));
        if (await run().ConfigureAwait(false) is { } failure)
        {
            span.Failed(failure);
        }

        record.Finish();
    }

    private async Task SettleAsync(BatchResult result, PartitionAssignment assignment)
    {
        await handler.MarkAsync(result, assignment.Lease.Ended).ConfigureAwait(false);
        foreach (var record in result.Parked)
        {
            await pipeline.HoldIfParkedAsync(record.Event, assignment).ConfigureAwait(false);
        }

        Count(BusMetrics.Handled, result.Handled);
        Count(BusMetrics.Duplicates, result.Repeats);
        ConsumingLog.BatchHandled(logger, Consumer.Name, result.Handled.Count, result.Repeats.Count, result.Skipped.Count);
        foreach (var record in result.Handled.Concat(result.Repeats).Concat(result.Skipped))
        {
            record.Finish();
        }
    }

    private void Count(System.Diagnostics.Metrics.Counter<long> counter, IReadOnlyList<BatchRecord> records)
    {
        if (records.Count > 0)
        {
            counter.Add(records.Count, _tags);
        }
    }
}
