using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Testing.Native;

/// <summary>Hands librdkafka's log lines about the embedded cluster to the logger of its options, or to nobody.</summary>
internal static unsafe partial class MockClusterLog
{
    /// <summary>
    /// librdkafka's <c>log_cb</c>. The client's opaque pointer is a handle to the logger, or null. A method rather than a
    /// delegate: nothing has to be kept alive for the native threads that call it.
    /// </summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static void Write(nint client, int level, byte* facility, byte* line)
    {
        var opaque = Librdkafka.Opaque(client);
        if (opaque == 0)
        {
            return;
        }

        try
        {
            var logger = (ILogger)GCHandle.FromIntPtr(opaque).Target!;
            var logLevel = LevelOf(level);
            if (!logger.IsEnabled(logLevel))
            {
                return;
            }

            var facilityText = Marshal.PtrToStringUTF8((nint)facility);
            var lineText = Marshal.PtrToStringUTF8((nint)line);

            // "No bootstrap.servers configured" is true and meant: this client connects to nobody.
            if (facilityText != "CONFWARN")
            {
                LogLine(logger, logLevel, facilityText, lineText);
            }
        }
        catch (Exception)
        {
            // An exception that leaves an unmanaged callback ends the process; a logger's failure is not worth that.
        }
    }

    // syslog's levels, see syslog.h: 0-2 emergency to critical, 3 error, 4 warning, 5 notice, 6 info, 7 debug.
    private static LogLevel LevelOf(int syslogLevel) => syslogLevel switch
    {
        <= 2 => LogLevel.Critical,
        3 => LogLevel.Error,
        4 => LogLevel.Warning,
        5 or 6 => LogLevel.Information,
        _ => LogLevel.Trace,
    };

    [LoggerMessage(EventId = 9001, EventName = "EmbeddedKafkaLog", Message = "{Facility}: {Line}")]
    private static partial void LogLine(ILogger logger, LogLevel level, string? facility, string? line);
}
