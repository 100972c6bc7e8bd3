using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>
/// Keeps what no record may cause: a failure that the pipeline had no answer to, a consumer that had to be replaced. A dead letter
/// is an error in the log too, but one per broken record is what is asked for. Safe for concurrent use.
/// </summary>
internal sealed class TroubleLog : ILoggerProvider, ILogger
{
    /// <summary>EF Core reports a row that the database refuses as an error of its own, which is a record's fault here.</summary>
    private const string Category = "Cuckoo.";

    private const int Most = 20;

    private static readonly HashSet<string> Expected = ["Dead"];

    /// <summary>Only warnings, because nothing is lost, but with broker and database there they say that a record can't be got rid of.</summary>
    private static readonly HashSet<string> Stuck = ["NotWritten", "Waiting", "InboxAway"];

    private readonly ConcurrentQueue<string> _entries = new();
    private int _count;

    public IReadOnlyCollection<string> Entries => _entries;

    public int Count => _count;

    public ILogger CreateLogger(string categoryName) => categoryName.StartsWith(Category, StringComparison.Ordinal) ? this : NullLogger.Instance;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var name = eventId.Name ?? "";
        if ((Stuck.Contains(name) || (logLevel >= LogLevel.Error && !Expected.Contains(name))) && Interlocked.Increment(ref _count) <= Most)
        {
            _entries.Enqueue($"{eventId.Id} {eventId.Name}: {formatter(state, exception)} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
