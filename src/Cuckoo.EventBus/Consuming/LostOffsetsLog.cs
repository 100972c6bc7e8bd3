using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Log events 450–459, among those of <see cref="ConsumingLog"/>.</summary>
internal static partial class LostOffsetsLog
{
    [LoggerMessage(450, LogLevel.Critical, "{Reason}")]
    public static partial void Held(ILogger logger, string reason);

    [LoggerMessage(451, LogLevel.Information, "Group {Group} has committed positions again, and begins to read.")]
    public static partial void Released(ILogger logger, string group);

    [LoggerMessage(452, LogLevel.Warning, "Group {Group} starts from {Start} by request.")]
    public static partial void StartChosen(ILogger logger, string group, string start);

    [LoggerMessage(453, LogLevel.Warning, "Whether group {Group} has worked before could not be found out; it is asked again before the group reads anything.")]
    public static partial void NoAnswer(ILogger logger, Exception exception, string group);
}
