using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Outbox;

/// <summary>Log events 300–399.</summary>
internal static partial class OutboxLog
{
    [LoggerMessage(300, LogLevel.Information, "Relaying the outbox of {Database} as {Owner}.")]
    public static partial void Started(ILogger logger, string database, string owner);

    [LoggerMessage(301, LogLevel.Warning, "The outbox of {Database} could not be relayed; its events stay and are tried again.")]
    public static partial void DatabaseTrouble(ILogger logger, Exception exception, string database);

    [LoggerMessage(302, LogLevel.Warning, "Events of {Database} were not acknowledged ({Error}); they stay in the outbox and are tried again.")]
    public static partial void SendFailed(ILogger logger, string database, string error);

    [LoggerMessage(303, LogLevel.Warning, "Topic {Topic} refused event {EventType} {MessageId} (outbox row {Id}, attempt {Attempts}): {Error}. Its key waits behind it.")]
    private static partial void Rejected(ILogger logger, string topic, string eventType, string messageId, long id, int attempts, string error);

    [LoggerMessage(304, LogLevel.Error, "Event {EventType} {MessageId} (outbox row {Id}) is dead: topic {Topic} refused it {Attempts} times, last with: {Error}. Later events of its key go on; requeue or discard the row.")]
    private static partial void Died(ILogger logger, string eventType, string messageId, long id, string topic, int attempts, string error);

    [LoggerMessage(305, LogLevel.Warning, "A lane of {Database} is no longer this relay's; what is on its way may be sent twice.")]
    public static partial void LeaseLost(ILogger logger, string database);

    [LoggerMessage(306, LogLevel.Warning, "The outbox of {Database} was not released in time; its lanes move on when their lease ends.")]
    public static partial void NotReleased(ILogger logger, Exception exception, string database);

    public static void RowRejected(ILogger logger, RejectedRow row, string error) =>
        Rejected(logger, row.Row.Topic, row.EventType, row.EventId, row.Row.Id, row.Attempts, error);

    public static void RowDied(ILogger logger, RejectedRow row, string error) =>
        Died(logger, row.EventType, row.EventId, row.Row.Id, row.Row.Topic, row.Attempts, error);
}
