using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>
/// Keeps what no record may cause: a failure that the pipeline had no answer to, a consumer that had to be replaced. A dead letter
/// is an error in the log too, but one per broken record is what is asked for. Warnings are none: a machine that stands still for a
/// moment is taken for an outage, and a record that is never got rid of is missing in the end. Safe for concurrent use.
/// </summary>
internal sealed class TroubleLog : ILoggerProvider, ILogger
{
    /// <summary>EF Core reports a row that the database refuses as an error of its own, which is a record's fault here.</summary>
    private const string Category = "Cuckoo.";

    private const int Most = 20;

    /// <summary>With the line that counts more of a kind, of which ten were looked at.</summary>
    private static readonly HashSet<string> Expected = ["Dead", "More"];

    private readonly ConcurrentQueue<string> _entries = new();
    private int _count;

    public IReadOnlyCollection<string> Entries => _entries;

    public ILogger CreateLogger(string categoryName) => categoryName.StartsWith(Category, StringComparison.Ordinal) ? this : NullLogger.Instance;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel) && !Expected.Contains(eventId.Name ?? "") && Interlocked.Increment(ref _count) <= Most)
        {
            _entries.Enqueue($"{eventId.Id} {eventId.Name}: {formatter(state, exception)} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
