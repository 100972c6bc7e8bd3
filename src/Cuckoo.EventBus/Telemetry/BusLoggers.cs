using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// The loggers of all that runs by itself, and may fail at every record or for as long as an outage lasts: the same storms are counted
/// for all of them. What answers a person's request logs without.
/// </summary>
internal sealed class BusLoggers(ILoggerFactory inner, TimeProvider time) : ILoggerFactory
{
    private readonly LogStorms _storms = new(time);

    public ILogger CreateLogger(string categoryName) => new CalmLogger(inner.CreateLogger(categoryName), _storms);

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    /// <summary>Says what was held back. The factory itself is the host's.</summary>
    public void Dispose() => _storms.Dispose();
}
