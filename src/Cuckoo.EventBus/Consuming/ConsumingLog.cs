using Cuckoo.EventBus.Kafka;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Log events 400–499.</summary>
internal static partial class ConsumingLog
{
    [LoggerMessage(400, LogLevel.Information, "Group {Group} consumes {Topics} with consumers {Consumers}.")]
    public static partial void GroupStarted(ILogger logger, string group, string topics, string consumers);

    [LoggerMessage(401, LogLevel.Information, "Group {Group} stopped.")]
    public static partial void GroupStopped(ILogger logger, string group);

    [LoggerMessage(402, LogLevel.Information, "Group {Group} was assigned {Partitions}.")]
    public static partial void Assigned(ILogger logger, string group, string partitions);

    [LoggerMessage(403, LogLevel.Information, "Group {Group} gave up {Partitions} after its running handlers.")]
    public static partial void Revoked(ILogger logger, string group, string partitions);

    [LoggerMessage(404, LogLevel.Warning, "Group {Group} lost {Partitions}: the group went on without this process. Handlers are cancelled; unfinished records are delivered again.")]
    public static partial void Lost(ILogger logger, string group, string partitions);

    [LoggerMessage(405, LogLevel.Warning, "The consumer of group {Group} reports {Code}: {Reason}. It goes on trying.")]
    public static partial void ConsumerError(ILogger logger, string group, string code, string reason);

    [LoggerMessage(406, LogLevel.Error, "The consumer of group {Group} became unusable; another one takes its place in {Delay}.")]
    public static partial void ConsumerReplaced(ILogger logger, Exception exception, string group, TimeSpan delay);

    [LoggerMessage(407, LogLevel.Critical, "Group {Group} stopped consuming: another process uses the same group.instance.id ({Reason}). Give each its own, and restart this one.")]
    public static partial void Fenced(ILogger logger, string group, string reason);

    [LoggerMessage(408, LogLevel.Warning, "Group {Group} could not commit and leave in time: a handler ignores its cancellation, or no broker answers. Unfinished and uncommitted records are delivered again.")]
    public static partial void NotLeftInTime(ILogger logger, string group);

    [LoggerMessage(409, LogLevel.Critical, "Processing {Partition}@{Offset} failed outside of its handlers. It is tried again, and its partition does not move on without it.")]
    public static partial void ProcessingFailed(ILogger logger, Exception exception, PartitionId partition, long offset);

    [LoggerMessage(410, LogLevel.Warning, "Consumer {Consumer} has no database, so no inbox: its effects are applied at least once, and a repeated event is handled again.")]
    public static partial void AtLeastOnce(ILogger logger, string consumer);

    [LoggerMessage(411, LogLevel.Debug, "Skipped: no consumer of group {Group} knows event type {EventType} of {Topic}/{Partition}@{Offset}.")]
    public static partial void UnknownType(ILogger logger, string group, string eventType, string topic, int partition, long offset);

    [LoggerMessage(412, LogLevel.Debug, "Consumer {Consumer} knows the event; the repeat has no effect.")]
    public static partial void Duplicate(ILogger logger, string consumer);

    [LoggerMessage(413, LogLevel.Debug, "Consumer {Consumer} did not see the event: an OnConsume hook did not call next.")]
    public static partial void SkippedByHook(ILogger logger, string consumer);

    [LoggerMessage(414, LogLevel.Warning, "The outcome of the commit of consumer {Consumer} is unknown; its inbox is asked.")]
    public static partial void CommitUnknown(ILogger logger, Exception? exception, string consumer);

    [LoggerMessage(415, LogLevel.Warning, "The inbox of consumer {Consumer} could not be used; it is tried again.")]
    public static partial void InboxAway(ILogger logger, Exception exception, string consumer);

    [LoggerMessage(416, LogLevel.Warning, "Old rows of {Database} could not be deleted; it is tried again.")]
    public static partial void RetentionFailed(ILogger logger, Exception exception, string database);

    [LoggerMessage(417, LogLevel.Debug, "Deleted {Inbox} inbox rows and {DeadLetters} dead letters of {Database} past their retention.")]
    public static partial void RetentionDone(ILogger logger, int inbox, int deadLetters, string database);

    [LoggerMessage(418, LogLevel.Error, "Parked events of {Partition} at consumer {Consumer} failed outside of their handler. They are tried again.")]
    public static partial void ParkedFailed(ILogger logger, Exception exception, PartitionId partition, string consumer);

    [LoggerMessage(419, LogLevel.Warning, "Group {Group} waits for its group.instance.id, which is still another member's ({Reason}); it asks again in {Delay}.")]
    public static partial void Unreleased(ILogger logger, string group, string reason, TimeSpan delay);

    [LoggerMessage(420, LogLevel.Information, "Consumer {Consumer} passed over a parked event: its type, which nobody knew, is known now and not for this consumer.")]
    public static partial void NotForIt(ILogger logger, string consumer);

    [LoggerMessage(430, LogLevel.Information, "Consumer {Consumer} failed at a batch of {Count} events; it is divided to find the failing one.")]
    public static partial void BatchDivided(ILogger logger, Exception exception, string consumer, int count);

    [LoggerMessage(431, LogLevel.Debug, "Consumer {Consumer} handled a batch of {Count} events; {Repeats} more were repeats without effect, and {Skipped} were skipped by an OnConsume hook.")]
    public static partial void BatchHandled(ILogger logger, string consumer, int count, int repeats, int skipped);

    [LoggerMessage(432, LogLevel.Information, "Consumer {Consumer} takes batches of up to {Size} events, or of what has come {Wait} after the first.")]
    public static partial void TakesBatches(ILogger logger, string consumer, int size, TimeSpan wait);

    [LoggerMessage(440, LogLevel.Information, "{Count} parked record(s) are due now by request.")]
    public static partial void RetriedByRequest(ILogger logger, long count);

    [LoggerMessage(441, LogLevel.Information, "{Count} parked record(s) were given up by request, {Skipped} skipped.")]
    public static partial void RejectedByRequest(ILogger logger, long count, long skipped);

    [LoggerMessage(442, LogLevel.Information, "{Count} parked record(s) of consumer {From} were handed over to {To} by request, {Skipped} skipped.")]
    public static partial void MovedByRequest(ILogger logger, long count, string from, string to, long skipped);

    [LoggerMessage(443, LogLevel.Warning, "Parked record {Id} stays as it is: {Reason}.")]
    public static partial void NotDecided(ILogger logger, long id, string reason);
}
