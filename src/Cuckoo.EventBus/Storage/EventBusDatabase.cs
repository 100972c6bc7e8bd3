using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Storage;

/// <summary>The database of one context that has an outbox. Safe for concurrent use.</summary>
internal sealed class EventBusDatabase(Type contextType, IServiceScopeFactory scopes, ConcurrentDictionary<string, SemaphoreSlim> writeGates)
{
    // Sessions come and go for as long as the process lives.
    private const int SessionsKnown = 10_000;

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<(string Server, int Number), bool> _prepares = new();
    private volatile DatabaseLayout? _layout;
    private SemaphoreSlim? _writeGate;

    public Type ContextType => contextType;

    /// <summary>How logs, metrics and errors name it.</summary>
    public string Name => contextType.Name;

    /// <summary>The layout by the model alone; nothing is asked of the server.</summary>
    /// <exception cref="EventBusConfigurationException">The provider is another one, or the model lacks the tables.</exception>
    public DatabaseLayout Layout
    {
        get
        {
            if (_layout is { } known)
            {
                return known;
            }

            using var scope = scopes.CreateScope();
            return LayoutOf((DbContext)scope.ServiceProvider.GetRequiredService(contextType));
        }
    }

    public DatabaseLayout LayoutOf(DbContext context)
    {
        if (_layout is { } known)
        {
            return known;
        }

        lock (_lock)
        {
            if (_layout is null)
            {
                var layout = DatabaseLayout.Of(context);
                _writeGate = layout.Dialect.HasOneWriter
                    ? writeGates.GetOrAdd(context.Database.GetDbConnection().DataSource, static _ => new SemaphoreSlim(1))
                    : null;
                _layout = layout;
            }

            return _layout;
        }
    }

    /// <summary>Opens a connection of the bus's own: another context than any handler's or request's.</summary>
    public async Task<DatabaseSession> OpenAsync(CancellationToken ct)
    {
        var scope = scopes.CreateAsyncScope();
        try
        {
            var context = (DbContext)scope.ServiceProvider.GetRequiredService(contextType);
            LayoutOf(context);
            await context.Database.OpenConnectionAsync(ct).ConfigureAwait(false);
            return new DatabaseSession(scope, context);
        }
        catch
        {
            await scope.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Waits until this process has no other writer on a database that knows only one (SQLite, whose own wait sleeps 150 ms at
    /// a time and is unfair); elsewhere returns at once. Dispose the result to let the next one in.
    /// </summary>
    public async ValueTask<WriteTurn> EnterWriteAsync(CancellationToken ct)
    {
        _ = Layout;
        if (_writeGate is not null)
        {
            await _writeGate.WaitAsync(ct).ConfigureAwait(false);
        }

        return new WriteTurn(_writeGate);
    }

    /// <summary>
    /// Runs a statement whose text is always the same, on a connection of the user's, without having the server parse and plan it
    /// each time: prepared, where that is safe, which is asked once in each session. The provider keeps it with the session.
    /// </summary>
    /// <param name="command">With its parameters.</param>
    /// <param name="ct">Cancels it.</param>
    /// <returns>The number of rows.</returns>
    public async Task<int> RunPreparedAsync(DbCommand command, CancellationToken ct)
    {
        var (connection, dialect) = (command.Connection!, Layout.Dialect);
        if (dialect.SessionOf(connection) is { } number)
        {
            var session = (connection.DataSource, number);
            if (!_prepares.TryGetValue(session, out var prepares))
            {
                if (_prepares.Count >= SessionsKnown)
                {
                    _prepares.Clear();
                }

                _prepares[session] = prepares = await dialect.MayPrepareAsync(connection, command.Transaction, ct).ConfigureAwait(false);
            }

            if (prepares)
            {
                await PrepareAsync(command, session, ct).ConfigureAwait(false);
            }
        }

        return await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
    }

    private async ValueTask PrepareAsync(DbCommand command, (string Server, int Number) session, CancellationToken ct)
    {
        try
        {
            await command.PrepareAsync(ct).ConfigureAwait(false);
        }
        catch (NotSupportedException)
        {
            // Npgsql's multiplexing.
            _prepares[session] = false;
        }
    }

    internal readonly struct WriteTurn(SemaphoreSlim? gate) : IDisposable
    {
        public void Dispose() => gate?.Release();
    }
}
