using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Retrying;

/// <summary>Log events 600–699.</summary>
internal static partial class RetryingLog
{
    [LoggerMessage(600, LogLevel.Warning, "Attempt {Attempt} of {Attempts} of consumer {Consumer} failed.")]
    public static partial void AttemptFailed(ILogger logger, Exception exception, int attempt, int attempts, string consumer);

    [LoggerMessage(601, LogLevel.Warning, "Consumer {Consumer} waits {Delay}: the event is held elsewhere, or the database or the broker does not answer. No attempt is charged.")]
    public static partial void Waiting(ILogger logger, Exception exception, string consumer, TimeSpan delay);

    [LoggerMessage(602, LogLevel.Warning, "Consumer {Consumer} is paused ({Reason}): {Detail}")]
    public static partial void Paused(ILogger logger, Exception? exception, string consumer, PauseReason reason, string detail);

    [LoggerMessage(603, LogLevel.Information, "Consumer {Consumer} goes on: its pause ({Reason}) is over after {Duration}.")]
    public static partial void Resumed(ILogger logger, string consumer, PauseReason reason, TimeSpan duration);
}
