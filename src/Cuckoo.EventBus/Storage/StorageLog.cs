using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Storage;

/// <summary>Log events 900–999.</summary>
internal static partial class StorageLog
{
    [LoggerMessage(900, LogLevel.Warning, "The event bus tables of {Database} could not be checked; the service starts without.")]
    public static partial void NotChecked(ILogger logger, Exception exception, string database);
}
