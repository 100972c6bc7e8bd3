using System.Collections.Concurrent;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// A bounded number of connections that stay open between uses, since a pool clears each one's state when it is given back. Safe
/// for concurrent use.
/// </summary>
internal sealed class SessionSlots(EventBusDatabase database, int count) : IDisposable
{
    private readonly SemaphoreSlim _slots = new(count);
    private readonly ConcurrentStack<DatabaseSession> _idle = new();
    private int _waiting;
    private volatile bool _isDisposed;

    /// <summary>Whether someone waits for a slot.</summary>
    public bool IsWanted => Volatile.Read(ref _waiting) > 0;

    /// <summary>Waits for a slot and opens its connection where it has none.</summary>
    /// <returns><see langword="null"/> if none was free in time.</returns>
    public async Task<DatabaseSession?> TakeAsync(TimeSpan limit, CancellationToken ct)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            if (!await _slots.WaitAsync(limit, ct).ConfigureAwait(false))
            {
                return null;
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        try
        {
            return _idle.TryPop(out var session) ? session : await database.OpenAsync(ct).ConfigureAwait(false);
        }
        catch
        {
            _slots.Release();
            throw;
        }
    }

    /// <summary>Gives the slot back, and the connection unless it failed.</summary>
    public async ValueTask GiveBackAsync(DatabaseSession session, bool isBroken)
    {
        if (isBroken || _isDisposed)
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            _idle.Push(session);
        }

        if (!_isDisposed)
        {
            _slots.Release();
        }
    }

    /// <summary>Does something with a connection.</summary>
    public async Task<T> UseAsync<T>(Func<DatabaseSession, Task<T>> run, CancellationToken ct)
    {
        var session = (await TakeAsync(Timeout.InfiniteTimeSpan, ct).ConfigureAwait(false))!;
        var isBroken = true;
        try
        {
            var result = await run(session).ConfigureAwait(false);
            isBroken = false;
            return result;
        }
        finally
        {
            await GiveBackAsync(session, isBroken).ConfigureAwait(false);
        }
    }

    /// <summary>Closes what nobody uses now.</summary>
    public async Task CloseIdleAsync()
    {
        while (_idle.TryPop(out var session))
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        // Of a relay that was stopped they are closed already; of a host that failed to start there is nothing to await with.
        CloseIdleAsync().GetAwaiter().GetResult();
        _slots.Dispose();
    }
}
