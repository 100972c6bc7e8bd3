using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Publishing;

/// <summary>Log events 200–299.</summary>
internal static partial class PublishingLog
{
    [LoggerMessage(200, LogLevel.Error, "{Count} event(s) of type {EventType} were published but never saved: the scope ended without SaveChanges on {Context}. Call SaveChanges after PublishAsync.")]
    public static partial void NeverSaved(ILogger logger, int count, string eventType, string context);
}
