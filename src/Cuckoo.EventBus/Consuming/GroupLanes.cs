using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// What becomes of one group's records between being read and being finished: each goes, at every consumer that it is for, to the
/// lane of its key, or of its partition where the consumer takes batches; parked ones join them when they are due. Invariant: what
/// one consumer waits for holds no record up at another. Safe for concurrent use.
/// </summary>
internal sealed class GroupLanes
{
    private const int MaxRecords = 10_000;
    private const long MaxBytes = 32 * 1024 * 1024;

    private readonly string _group;
    private readonly RecordPipeline _pipeline;
    private readonly EventRoutes _routes;
    private readonly IReadOnlyList<ParkedRecords> _parked;
    private readonly Dictionary<ConsumerPipeline, Lanes<LaneWork>> _lanes;
    private readonly BatchLanes _batchLanes;
    private readonly Insistence _insistence;
    private readonly BoundedTagValues _unknownTypes = new();
    private readonly ILogger _logger;

    public GroupLanes(
        string group,
        RecordPipeline pipeline,
        EventRoutes routes,
        IReadOnlyList<BatchPipeline> batches,
        IReadOnlyList<ParkedRecords> parked,
        TimeProvider time,
        ILogger<GroupLanes> logger)
    {
        _group = group;
        _pipeline = pipeline;
        _routes = routes;
        _parked = parked;
        _lanes = routes.Consumers.ToDictionary(consumer => consumer, consumer => new Lanes<LaneWork>(work => ProcessAsync(consumer, work)));
        _batchLanes = new BatchLanes(batches, Left, ProcessAsync, time, logger);
        _insistence = new Insistence(time, logger);
        _logger = logger;
    }

    /// <summary>What is read and not finished, at most; about as much again waits in the client's own queue.</summary>
    public InFlight InFlight { get; } = new(MaxRecords, MaxBytes);

    /// <summary>Begins to look for parked records that are due.</summary>
    /// <param name="ct">Ends it; what is handed out after that begins no more.</param>
    public void Start(CancellationToken ct)
    {
        foreach (var source in _parked)
        {
            _ = Task.Run(() => source.RunAsync(HandOut, ct), CancellationToken.None);
        }
    }

    /// <summary>Hands a record to its lanes, which <see cref="Begin"/> it, or passes over one that is for nobody. Called by one thread.</summary>
    public void Add(PartitionAssignment assignment, IncomingRecord record)
    {
        BusMetrics.Consumed(_group, record.Topic);
        var (typeName, route) = _routes.Find(record);
        if (route is null)
        {
            PassOver(assignment, record, typeName);
            return;
        }

        var delivery = assignment.Deliver(record, typeName, route.Type, route.Consumers.Length + route.Batches.Length);
        InFlight.Add(delivery.Size);
        BusMetrics.InFlight.Add(1, BusMetrics.GroupTag(_group));
        foreach (var consumer in route.Consumers)
        {
            _lanes[consumer].AddOneOfMany(record.Topic, record.Partition, record.Key, delivery);
        }

        foreach (var batch in route.Batches)
        {
            _batchLanes.Add(batch, delivery);
        }
    }

    /// <summary>Has the lanes begin with what was added.</summary>
    public void Begin()
    {
        foreach (var lanes in _lanes.Values)
        {
            lanes.Begin();
        }
    }

    /// <summary>Starts to read which keys are parked; before that is known, no record of the partition is handled. Does not block.</summary>
    public void Prepare(PartitionAssignment assignment)
    {
        if (_parked.Count == 0)
        {
            assignment.BecomeReady();
        }
        else
        {
            _ = LoadAsync(assignment);
        }
    }

    private void HandOut(ParkedWork work)
    {
        if (!_batchLanes.TryTake(work))
        {
            _lanes[work.Consumer].Add(work.Due.Partition.Topic, work.Due.Partition.Partition, work.Due.Key, work);
        }
    }

    private void PassOver(PartitionAssignment assignment, IncomingRecord record, string typeName)
    {
        BusMetrics.UnknownTypes.Add(1, BusMetrics.GroupTag(_group), BusMetrics.EventTypeTag(_unknownTypes.Bound(typeName)));
        ConsumingLog.UnknownType(_logger, _group, typeName, record.Topic, record.Partition, record.Offset);
        assignment.Finish(assignment.Deliver(record, typeName, type: null, lanes: 1));
    }

    /// <summary>One of the lanes that had a record no longer has it.</summary>
    private void Left(Delivery delivery)
    {
        if (delivery.Leave())
        {
            BusMetrics.InFlight.Add(-1, BusMetrics.GroupTag(_group));
            InFlight.Remove(delivery.Size);
        }
    }

    private async Task LoadAsync(PartitionAssignment assignment)
    {
        try
        {
            await Task.WhenAll(_parked.Select(source => Task.Run(() => source.LoadAsync(assignment)))).ConfigureAwait(false);
            assignment.BecomeReady();
        }
        catch (OperationCanceledException)
        {
            // Given up before it was ready.
        }
    }

    private async Task ProcessAsync(ConsumerPipeline consumer, LaneWork work)
    {
        if (!work.Assignment.Ready.IsCompletedSuccessfully)
        {
            await work.Assignment.Ready.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        switch (work)
        {
            case Delivery delivery:
                await ProcessAsync(consumer, delivery).ConfigureAwait(false);
                break;
            case ParkedWork parked:
                await ProcessAsync(parked).ConfigureAwait(false);
                break;
        }
    }

    private async Task ProcessAsync(ParkedWork work)
    {
        var isMore = false;
        if (work.Assignment.TryBegin())
        {
            try
            {
                isMore = await _pipeline.RunParkedAsync(work).ConfigureAwait(false);
            }
            catch (Exception) when (work.Assignment.Lease.Ending.IsCancellationRequested)
            {
                // It stays parked, for the next owner.
            }
            catch (Exception e)
            {
                // It stays parked, and the next sweep finds it.
                ConsumingLog.ParkedFailed(_logger, e, work.Assignment.Id, work.Consumer.Consumer.Name);
            }
            finally
            {
                work.Assignment.End();
            }
        }

        if (isMore)
        {
            HandOut(work);
        }
        else
        {
            work.Source.Done(work.Due);
        }
    }

    private async Task ProcessAsync(ConsumerPipeline consumer, Delivery delivery)
    {
        if (delivery.Assignment.TryBegin())
        {
            var isFinished = false;
            try
            {
                isFinished = await _insistence.RunAsync(
                    delivery.Assignment, delivery.Record.Offset, (Pipeline: _pipeline, consumer, delivery), static run => run.Pipeline.RunAsync(run.consumer, run.delivery)).ConfigureAwait(false);
            }
            finally
            {
                delivery.Assignment.End(delivery, isFinished);
            }
        }

        Left(delivery);
    }
}
