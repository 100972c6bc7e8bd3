using Cuckoo.EventBus.Kafka;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// Log events 600–699. A failing event is told once as what became of it, parked (a warning) or a dead letter (an error); the attempts
/// that others follow are information.
/// </summary>
internal static partial class RetryingLog
{
    [LoggerMessage(600, LogLevel.Information, "Attempt {Attempt} of {Attempts} of consumer {Consumer} failed; the next one follows in {Delay}.")]
    public static partial void AttemptFailed(ILogger logger, Exception exception, int attempt, int attempts, string consumer, TimeSpan delay);

    [LoggerMessage(601, LogLevel.Warning, "Consumer {Consumer} waits {Delay}: the event is held elsewhere, or the database or the broker does not answer. No attempt is charged.")]
    public static partial void Waiting(ILogger logger, Exception exception, string consumer, TimeSpan delay);

    [LoggerMessage(602, LogLevel.Warning, "Consumer {Consumer} parked the event after {Attempts} attempt(s); it is tried again in {Delay}, and the later events of its key behind it.")]
    public static partial void Parked(ILogger logger, Exception exception, string consumer, int attempts, TimeSpan delay);

    [LoggerMessage(603, LogLevel.Debug, "Consumer {Consumer} parked the event behind an earlier one of its key.")]
    public static partial void ParkedBehind(ILogger logger, string consumer);

    [LoggerMessage(604, LogLevel.Warning, "Parked events of consumer {Consumer} could not be read or written; it is tried again, and their keys do not move on before.")]
    public static partial void NotStored(ILogger logger, Exception exception, string consumer);

    [LoggerMessage(605, LogLevel.Warning, "Parked events of {Database} could not be looked for; it is tried again.")]
    public static partial void SweepFailed(ILogger logger, Exception exception, string database);

    [LoggerMessage(606, LogLevel.Information, "{Partition} of group {Group} has {Keys} parked key(s).")]
    public static partial void Loaded(ILogger logger, PartitionId partition, string group, int keys);

    [LoggerMessage(607, LogLevel.Warning, "Consumer {Consumer} is paused ({Reason}): {Detail}")]
    public static partial void Paused(ILogger logger, Exception? exception, string consumer, PauseReason reason, string detail);

    [LoggerMessage(608, LogLevel.Information, "Consumer {Consumer} goes on: its pause ({Reason}) is over after {Duration}.")]
    public static partial void Resumed(ILogger logger, string consumer, PauseReason reason, TimeSpan duration);

    [LoggerMessage(609, LogLevel.Information, "Consumer {Consumer} failed at a parked event again, {Attempts} attempt(s) by now; it is tried again in {Delay}.")]
    public static partial void StaysParked(ILogger logger, Exception exception, string consumer, int attempts, TimeSpan delay);
}
