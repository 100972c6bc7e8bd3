using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// A logger of the bus: of a storm of the same lines it writes the first ones. Debug and trace lines all pass: who asks for them asks
/// for each. Safe for concurrent use.
/// </summary>
internal sealed class CalmLogger(ILogger inner, LogStorms storms) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel < LogLevel.Information || storms.Passes(inner, logLevel, eventId, state, exception, formatter))
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
