using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// One consumer's records of types that nobody here knows, on topics that park them until somebody does. No handler runs, so no
/// attempt is charged: once the type is known, the record has all of them. Safe for concurrent use.
/// </summary>
internal sealed class UnknownTypes(ConsumerSettings consumer, BusSettings settings, Parking? parking, DeadLetterDesk deadLetters, TimeProvider time)
{
    /// <summary>Whether this is such a record.</summary>
    public bool Wait(IncomingEvent incoming) =>
        parking is not null && incoming.Unreadable is UnknownEventTypeException && settings.UnknownTypesOf(incoming.Record.Topic) is UnknownEventTypes.Park;

    /// <summary>Parks a record from its topic, behind its key where that waits already.</summary>
    /// <returns><see langword="null"/> if it is parked now; otherwise the outcome that stood already.</returns>
    public async Task<InboxOutcome?> ParkAsync(IncomingEvent incoming, InboxKey key, PartitionAssignment assignment)
    {
        if (assignment.Parked.Holds(consumer.Name, incoming.Record.Key))
        {
            await parking!.ParkBehindAsync(incoming, key, assignment.Lease.Ended).ConfigureAwait(false);
            return null;
        }

        var now = time.GetUtcNow();
        var standing = await parking!.ParkAsync(
            incoming, key, new Failure(incoming.Unreadable!, Attempts: 0, now, now), DelayAfter(TimeSpan.Zero), assignment.Lease.Ended).ConfigureAwait(false);
        if (standing is null && incoming.Record.Key is { } parkedKey)
        {
            assignment.Parked.Add(consumer.Name, parkedKey);
        }

        return standing;
    }

    /// <summary>Has a parked record wait further, until the topic itself would no longer have it.</summary>
    public async Task LookAgainAsync(IncomingEvent incoming, ParkedRow row, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var waited = now - row.FirstFailedAt;
        if (waited < settings.RetentionOf(incoming.Record.Topic))
        {
            var failure = new Failure(incoming.Unreadable!, row.Attempts, row.FirstFailedAt, now, row.ReplayCount);
            await parking!.RescheduleAsync(row, failure, DelayAfter(waited), ct).ConfigureAwait(false);
        }
        else
        {
            var failure = new Failure(incoming.Unreadable!, Math.Max(1, row.Attempts), row.FirstFailedAt, now, row.ReplayCount);
            await deadLetters.WriteAsync(incoming, row.InboxKey, failure, row, ct).ConfigureAwait(false);
        }
    }

    /// <summary>As long again as it has waited, within the consumer's limits: like its pauses between attempts, doubled each time.</summary>
    private TimeSpan DelayAfter(TimeSpan waited)
    {
        var (shortest, longest) = (consumer.Options.ParkedRetryDelay, consumer.Options.MaxParkedRetryDelay);
        return waited < shortest ? shortest : waited > longest ? longest : waited;
    }
}
