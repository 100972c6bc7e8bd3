using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Shop.Demo;

/// <summary>Keeps the services' last warnings and errors, to be shown if something goes wrong, or shows them as they come.</summary>
internal sealed class RecentLog(bool verbose)
{
    private const int Capacity = 20;

    private readonly ConcurrentQueue<string> _lines = new();

    public IEnumerable<string> Lines => _lines;

    public ILoggerProvider For(string service) => new Provider(this, service);

    private void Add(string line)
    {
        if (verbose)
        {
            Console.WriteLine(line);
        }

        _lines.Enqueue(line);
        if (_lines.Count > Capacity)
        {
            _lines.TryDequeue(out _);
        }
    }

    private sealed class Provider(RecentLog log, string service) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Logger(log, service, categoryName);

        public void Dispose()
        {
        }
    }

    private sealed class Logger(RecentLog log, string service, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                var cause = exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})";
                log.Add($"{service}: {logLevel} {category}: {formatter(state, exception)}{cause}");
            }
        }
    }
}
