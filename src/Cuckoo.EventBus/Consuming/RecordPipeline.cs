using System.Diagnostics;
using System.Text;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// The life of one record in one group. Invariant: when <see cref="RunAsync"/> returns, every consumer concerned has a durable
/// outcome, so the offset may move. Safe for concurrent use.
/// </summary>
internal sealed class RecordPipeline(string group, EventRoutes routes, BusSettings settings, TimeProvider time, ILogger<RecordPipeline> logger)
{
    private const int MaxParkedInARow = 50;

    /// <summary>With handlers that take long, fewer.</summary>
    private static readonly TimeSpan ParkedTurn = TimeSpan.FromSeconds(1);

    private readonly BoundedTagValues _unknownTypes = new();

    /// <summary>The steps, in their order; those of one consumer follow in <see cref="ConsumerPipeline.RunAsync"/>.</summary>
    /// <exception cref="OperationCanceledException">The partition is given up; the record has no outcome.</exception>
    public async Task RunAsync(IncomingRecord record, PartitionAssignment assignment)
    {
        // 1. Trace and log scope: what happens from here on belongs to the publisher's trace.
        using var span = ProcessSpan.Start(record, group);

        // 2. The type, by its name on this topic. Nothing else on the wire selects one.
        var (typeName, route) = routes.Find(record);
        using var scope = ConsumingLog.BeginRecord(
            logger, record.Headers[Headers.Id] ?? "", typeName, record.Topic, record.Partition, record.Offset, Activity.Current?.TraceId.ToHexString());
        if (route is null && typeName.Length > 0 && settings.OfTopic(record.Topic, static topic => topic.UnknownTypes) is not UnknownEventTypes.DeadLetter)
        {
            BusMetrics.UnknownTypes.Add(1, BusMetrics.GroupTag(group), BusMetrics.EventTypeTag(_unknownTypes.Bound(typeName)));
            ConsumingLog.UnknownType(logger, group, typeName, record.Topic);
            return;
        }

        // 3. Identity and contents. What can't be read is dead for everyone it may have been for.
        var incoming = IncomingEvent.Read(record, route?.Type, typeName);
        if (incoming.Unreadable is { } reason)
        {
            await ForEachAsync(span, route?.Consumers ?? routes.ConsumersOf(record.Topic), consumer => consumer.RejectAsync(incoming, reason, time.GetUtcNow(), assignment)).ConfigureAwait(false);
            return;
        }

        // 4. Each consumer, independently: is its key parked → attempts → OnConsume → scope → transaction → inbox claim → handler → SaveChanges → commit.
        var context = ContextOf(incoming);
        await ForEachAsync(span, route!.Consumers, consumer => consumer.RunAsync(incoming, context, assignment)).ConfigureAwait(false);
    }

    /// <summary>The same for parked records of one key at one consumer, in their order, until one has to wait.</summary>
    /// <returns>Whether there is more to do at once.</returns>
    /// <exception cref="OperationCanceledException">The partition is given up; the record stays parked.</exception>
    public async Task<bool> RunParkedAsync(ParkedWork work)
    {
        // So many in a row; then the lane's other keys have their turn.
        var started = time.GetTimestamp();
        for (var n = 0; n < MaxParkedInARow && time.GetElapsedTime(started) < ParkedTurn; n++)
        {
            if (await work.Consumer.FirstParkedAsync(work.Due, work.Assignment).ConfigureAwait(false) is not { } row)
            {
                return false;
            }

            using var span = ProcessSpan.Start(row.Record, group);
            var (typeName, route) = routes.Find(row.Record);
            using var scope = ConsumingLog.BeginRecord(
                logger, row.InboxKey.EventId, typeName, row.Record.Topic, row.Record.Partition, row.Record.Offset, Activity.Current?.TraceId.ToHexString());
            var incoming = IncomingEvent.Read(row.Record, route?.Type, typeName);
            if (await work.Consumer.RunParkedAsync(incoming, ContextOf(incoming) with { ReplayCount = row.ReplayCount }, row, work.Assignment).ConfigureAwait(false) is { } failure)
            {
                span.Failed(failure);
            }
        }

        return true;
    }

    private static async Task ForEachAsync(ProcessSpan span, IReadOnlyList<ConsumerPipeline> consumers, Func<ConsumerPipeline, Task<Exception?>> run)
    {
        foreach (var failure in await Task.WhenAll(consumers.Select(run)).ConfigureAwait(false))
        {
            if (failure is not null)
            {
                span.Failed(failure);
            }
        }
    }

    private static EventContext ContextOf(IncomingEvent incoming)
    {
        var record = incoming.Record;
        return new EventContext
        {
            EventId = incoming.Id,
            EventType = incoming.TypeName,
            Source = incoming.Source,
            Key = record.Key is { } key ? Encoding.UTF8.GetString(key) : null,
            KeyBytes = record.Key is null ? null : new ReadOnlyMemory<byte>(record.Key),
            Topic = record.Topic,
            Partition = record.Partition,
            Offset = record.Offset,
            Timestamp = record.Timestamp,
            Headers = record.Headers,
            Trace = TracePropagation.Extract(record.Headers),
        };
    }
}
