using System.Collections.Concurrent;
using Cuckoo.EventBus.Kafka;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// The lanes of a group's consumers of batches: one for each and partition, also across its assignments, so that a handler which
/// outlives one is not overtaken by the next.
/// </summary>
/// <param name="batches">The consumers.</param>
/// <param name="left">Called when a record has left a lane, with an outcome or without.</param>
/// <param name="runParked">Runs parked records; does not throw.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed class BatchLanes(
    IReadOnlyList<BatchPipeline> batches, Action<Delivery> left, Func<ParkedWork, Task> runParked, TimeProvider time, ILogger logger)
{
    private readonly Insistence _insistence = new(time, logger);
    private readonly Dictionary<ConsumerPipeline, BatchPipeline> _bySingle = batches.ToDictionary(batch => batch.Single);
    private readonly ConcurrentDictionary<(BatchPipeline Pipeline, PartitionId Partition), BatchLane> _lanes = new();

    /// <summary>Hands a record to a consumer of batches. Called by one thread.</summary>
    public void Add(BatchPipeline pipeline, Delivery delivery) =>
        LaneOf(pipeline, delivery.Assignment.Id).Add(new BatchRecord(delivery, time.GetTimestamp()));

    /// <summary>Takes the parked records of a consumer of batches.</summary>
    public bool TryTake(ParkedWork work)
    {
        if (!_bySingle.TryGetValue(work.Consumer, out var pipeline))
        {
            return false;
        }

        LaneOf(pipeline, work.Assignment.Id).Add(work);
        return true;
    }

    private BatchLane LaneOf(BatchPipeline pipeline, PartitionId partition)
    {
        if (_lanes.TryGetValue((pipeline, partition), out var lane))
        {
            return lane;
        }

        var options = pipeline.Consumer.Options;
        return _lanes.GetOrAdd((pipeline, partition), new BatchLane(options.BatchSize, options.BatchWait, batch => RunAsync(pipeline, batch), runParked, time));
    }

    private async Task RunAsync(BatchPipeline pipeline, IReadOnlyList<BatchRecord> batch)
    {
        var assignment = batch[0].Delivery.Assignment;
        await assignment.Ready.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (assignment.TryBegin())
        {
            try
            {
                await _insistence.RunAsync(
                    assignment,
                    batch[0].Delivery.Record.Offset,
                    (pipeline, batch, assignment),
                    static run => run.pipeline.RunAsync(run.batch, run.assignment)).ConfigureAwait(false);
            }
            finally
            {
                assignment.End();
            }
        }

        foreach (var record in batch)
        {
            left(record.Delivery);
        }
    }
}
