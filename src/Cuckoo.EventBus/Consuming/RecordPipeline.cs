using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// The life of one record at one consumer that takes records one by one. Invariant: when <see cref="RunAsync"/> returns, there is a
/// durable outcome, so the offset may move as far as that consumer is concerned. Safe for concurrent use.
/// </summary>
internal sealed class RecordPipeline(EventRoutes routes, TimeProvider time, ILogger<RecordPipeline> logger)
{
    private const int MaxParkedInARow = 50;

    /// <summary>With handlers that take long, fewer.</summary>
    private static readonly TimeSpan ParkedTurn = TimeSpan.FromSeconds(1);

    /// <summary>The steps, in their order; those of the consumer follow in <see cref="ConsumerPipeline.RunAsync"/>.</summary>
    /// <exception cref="OperationCanceledException">The partition is given up; the record has no outcome.</exception>
    public async Task RunAsync(ConsumerPipeline consumer, Delivery delivery)
    {
        var record = delivery.Record;

        // 1. Trace: what happens from here on belongs to the publisher's.
        using var span = ProcessSpan.Start(record, consumer.Consumer);

        // 2. Identity and contents. Nothing on the wire but the type's name on this topic selects a class.
        var incoming = IncomingEvent.Read(record, delivery.Type, delivery.TypeName);
        using var scope = logger.BeginScope(new RecordScope(incoming, consumer.Consumer));

        // 3. Is its key parked → attempts → OnConsume → scope → transaction → inbox claim → handler → SaveChanges → commit.
        var failure = incoming.Unreadable is { } reason
            ? await consumer.RejectAsync(incoming, reason, time.GetUtcNow(), delivery.Assignment).ConfigureAwait(false)
            : await consumer.RunAsync(incoming, EventContexts.Of(incoming, consumer.Consumer, span.Parent), delivery.Assignment).ConfigureAwait(false);
        if (failure is not null)
        {
            span.Failed(failure);
        }
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

            using var span = ProcessSpan.Start(row.Record, work.Consumer.Consumer, row.ReplayCount);
            var (typeName, route) = routes.Find(row.Record);
            var incoming = IncomingEvent.Read(row.Record, route?.Type, typeName);
            using var scope = logger.BeginScope(new RecordScope(incoming, work.Consumer.Consumer));
            if (await work.Consumer.RunParkedAsync(incoming, EventContexts.Of(incoming, work.Consumer.Consumer, span.Parent) with { ReplayCount = row.ReplayCount }, row, work.Assignment).ConfigureAwait(false) is { } failure)
            {
                span.Failed(failure);
            }
        }

        return true;
    }
}
