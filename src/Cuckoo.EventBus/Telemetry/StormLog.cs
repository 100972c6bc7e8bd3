using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>Log events 800–899.</summary>
internal static partial class StormLog
{
    [LoggerMessage(EventId = 800, Message = "{Count} more like this in {Seconds:F0} s (event id {LineId}): {Line}")]
    public static partial void More(ILogger logger, LogLevel level, long count, double seconds, int lineId, string line);
}
