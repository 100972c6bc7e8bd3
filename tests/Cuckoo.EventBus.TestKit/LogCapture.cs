using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Cuckoo.EventBus.TestKit;

/// <summary>Keeps what a service logs, with the scopes; warnings and worse also go to the test's output.</summary>
public sealed class LogCapture : ILoggerProvider, ISupportExternalScope
{
    private readonly ConcurrentQueue<Entry> _entries = new();
    private readonly ITestOutputHelper? _output = TestContext.Current.TestOutputHelper;
    private IExternalScopeProvider _scopes = new LoggerExternalScopeProvider();

    public IReadOnlyCollection<Entry> Entries => _entries;

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    private void Add(Entry entry)
    {
        _entries.Enqueue(entry);
        if (entry.Level >= LogLevel.Warning && !entry.Category.StartsWith("Microsoft.", StringComparison.Ordinal))
        {
            try
            {
                var line = entry.ToString();
                _output?.WriteLine(line[..Math.Min(line.Length, 400)]);
            }
            catch (InvalidOperationException)
            {
                // The test has ended; a client's thread has something to say still.
            }
        }
    }

    /// <param name="Category">The logger.</param>
    /// <param name="Level">The level.</param>
    /// <param name="Id">The event id.</param>
    /// <param name="Message">The text.</param>
    /// <param name="Exception">What was thrown, if anything.</param>
    /// <param name="Scope">Names and values of all scopes around, the innermost last.</param>
    public sealed record Entry(string Category, LogLevel Level, EventId Id, string Message, Exception? Exception, IReadOnlyList<KeyValuePair<string, object?>> Scope)
    {
        public override string ToString() => $"{Level} {Category}[{Id.Id}] {Message}{(Exception is null ? "" : $" {Exception.GetType().Name}: {Exception.Message}")}";
    }

    private sealed class Logger(LogCapture owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => owner._scopes.Push(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            var scope = new List<KeyValuePair<string, object?>>();
            owner._scopes.ForEachScope(
                static (item, values) => values.AddRange(item as IEnumerable<KeyValuePair<string, object?>> ?? [new("", item)]), scope);
            owner.Add(new Entry(category, logLevel, eventId, formatter(state, exception), exception, scope));
        }
    }
}
