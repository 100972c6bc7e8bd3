using System.Diagnostics;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>Where one consumer's dead letters go. Returns when a letter is durable, however long its database or broker is away.</summary>
internal sealed class DeadLetterDesk(
    ConsumerSettings consumer, DeadLetterStore? store, DeadLetterSender sender, Persistence persistence, ILogger<DeadLetterDesk> logger)
{
    /// <param name="incoming">The event.</param>
    /// <param name="key">Its identity at this consumer.</param>
    /// <param name="failure">Why it is given up.</param>
    /// <param name="row">Its parked row; <see langword="null"/> for a record from its topic.</param>
    /// <param name="ct">Cancelled when the partition is given up.</param>
    /// <returns><see langword="null"/> if it is a dead letter now; otherwise the outcome that stood already.</returns>
    /// <exception cref="OperationCanceledException">The partition was given up before.</exception>
    public async Task<InboxOutcome?> WriteAsync(IncomingEvent incoming, InboxKey key, Failure failure, ParkedRow? row, CancellationToken ct)
    {
        var traceId = TraceIdOf(incoming);
        var standing = await persistence.RunAsync(
            async token =>
            {
                if (store is not null)
                {
                    return await store.WriteAsync(incoming, key, failure, traceId, row, token).ConfigureAwait(false);
                }

                await sender.SendAsync(incoming, key, failure, traceId, token).ConfigureAwait(false);
                return null;
            },
            e => DeadLetterLog.NotWritten(logger, e, consumer.Name),
            ct).ConfigureAwait(false);
        if (standing is not null)
        {
            BusMetrics.Duplicates.Add(1, BusMetrics.GroupTag(consumer.Group), BusMetrics.ConsumerTag(consumer.Name));
            DeadLetterLog.DecidedBefore(logger, consumer.Name);
            return standing;
        }

        BusMetrics.DeadLetters.Add(
            1,
            BusMetrics.GroupTag(consumer.Group),
            BusMetrics.ConsumerTag(consumer.Name),
            new KeyValuePair<string, object?>("error.type", failure.Exception.GetType().FullName));
        ProcessSpan.Ended("dead_letter");
        DeadLetterLog.Dead(logger, failure.Exception, consumer.Name, failure.Attempts);
        return null;
    }

    private static string? TraceIdOf(IncomingEvent incoming)
    {
        var trace = Activity.Current?.TraceId ?? TracePropagation.Extract(incoming.Record.Headers).TraceId;
        return trace == default ? null : trace.ToHexString();
    }
}
