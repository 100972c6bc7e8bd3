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
    /// <exception cref="OperationCanceledException">The partition was given up before.</exception>
    public async Task WriteAsync(IncomingEvent incoming, InboxKey key, Failure failure, CancellationToken ct)
    {
        var traceId = TraceIdOf(incoming);
        var isNew = await persistence.RunAsync(
            token => store is not null
                ? store.WriteAsync(incoming, key, consumer, failure, traceId, token)
                : sender.SendAsync(incoming, consumer, failure, traceId, token),
            e => DeadLetterLog.NotWritten(logger, e, consumer.Name),
            ct).ConfigureAwait(false);
        if (!isNew)
        {
            BusMetrics.Duplicates.Add(1, BusMetrics.GroupTag(consumer.Group), BusMetrics.ConsumerTag(consumer.Name));
            DeadLetterLog.DecidedBefore(logger, consumer.Name);
            return;
        }

        BusMetrics.DeadLetters.Add(
            1,
            BusMetrics.GroupTag(consumer.Group),
            BusMetrics.ConsumerTag(consumer.Name),
            new KeyValuePair<string, object?>("error.type", failure.Exception.GetType().FullName));
        DeadLetterLog.Dead(logger, failure.Exception, consumer.Name, failure.Attempts);
    }

    private static string? TraceIdOf(IncomingEvent incoming)
    {
        var trace = Activity.Current?.TraceId ?? TracePropagation.Extract(incoming.Record.Headers).TraceId;
        return trace == default ? null : trace.ToHexString();
    }
}
