using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>Log events 700–799.</summary>
internal static partial class DeadLetterLog
{
    [LoggerMessage(700, LogLevel.Error, "Consumer {Consumer} gave up the event after {Attempts} attempt(s); it is a dead letter.")]
    public static partial void Dead(ILogger logger, Exception exception, string consumer, int attempts);

    [LoggerMessage(701, LogLevel.Warning, "A dead letter of consumer {Consumer} could not be written; it is tried again, and its partition does not move on before.")]
    public static partial void NotWritten(ILogger logger, Exception exception, string consumer);

    [LoggerMessage(702, LogLevel.Information, "Consumer {Consumer} gave up an event whose outcome stood already in the inbox: nothing is written.")]
    public static partial void DecidedBefore(ILogger logger, string consumer);

    [LoggerMessage(703, LogLevel.Warning, "Dead letter {Id} of consumer {Consumer} is not replayed: {Reason}.")]
    public static partial void NotReplayed(ILogger logger, long id, string consumer, string reason);

    [LoggerMessage(704, LogLevel.Information, "{Replayed} dead letter(s) were replayed by request, {Skipped} skipped.")]
    public static partial void Replayed(ILogger logger, long replayed, long skipped);

    [LoggerMessage(705, LogLevel.Information, "{Discarded} dead letter(s) were discarded by request.")]
    public static partial void Discarded(ILogger logger, long discarded);
}
