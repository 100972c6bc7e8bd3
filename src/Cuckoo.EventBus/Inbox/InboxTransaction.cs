using System.Data.Common;
using System.Runtime.ExceptionServices;
using Cuckoo.EventBus.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Inbox;

/// <summary>
/// Runs a handler inside a transaction of its own context that first claims the event. Invariant: the handler's effect, the
/// events it publishes and the mark in the inbox are committed together, and at most one transaction ever commits the mark.
/// </summary>
internal sealed class InboxTransaction(EventBusDatabase database, IServiceScopeFactory scopes)
{
    /// <param name="work">The claim, the handler and what follows it.</param>
    /// <param name="ct">Ends it before the commit, never during.</param>
    /// <returns><see langword="null"/> if the handler ran and its effect is durable; otherwise the outcome that stands already.</returns>
    /// <exception cref="UnavailableException">Another transaction is at work on the same event.</exception>
    /// <exception cref="CommitUnknownException">The inbox must be asked.</exception>
    public async Task<InboxOutcome?> RunAsync(InboxWork work, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var context = ContextOf(scope);
        var isFirstRun = true;
        var run = await context.Database.CreateExecutionStrategy().ExecuteAsync(
            async token =>
            {
                if (isFirstRun)
                {
                    isFirstRun = false;
                    return await RunOnceAsync(scope.ServiceProvider, context, work, token).ConfigureAwait(false);
                }

                // The strategy runs it again after trouble with the database: nothing of the first run may be seen.
                await using var fresh = scopes.CreateAsyncScope();
                return await RunOnceAsync(fresh.ServiceProvider, ContextOf(fresh), work, token).ConfigureAwait(false);
            },
            ct).ConfigureAwait(false);

        run.Failure?.Throw();
        return run.Standing;
    }

    private async Task<Run> RunOnceAsync(IServiceProvider services, DbContext context, InboxWork work, CancellationToken ct)
    {
        await using var transaction = await BeginAsync(context, ct).ConfigureAwait(false);
        var layout = database.LayoutOf(context);
        try
        {
            if (await work.Claim(layout, context.Database.GetDbConnection(), transaction.GetDbTransaction(), ct).ConfigureAwait(false) is { } standing)
            {
                return new Run(standing, null);
            }
        }
        catch (UnavailableException e)
        {
            // Not for the strategy, which takes it for trouble with the database.
            return Run.Failed(e);
        }

        try
        {
            await work.Handle(services, ct).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it is, the strategy must not repeat the handler for it: attempts are counted elsewhere. What it published
            // goes with its changes, and nobody forgot to save it.
            Forget(context);
            return Run.Failed(e);
        }

        await SaveAsync(context, ct).ConfigureAwait(false);
        if (work.Settle is { } settle)
        {
            await settle(layout, context.Database.GetDbConnection(), transaction.GetDbTransaction(), ct).ConfigureAwait(false);
        }

        ct.ThrowIfCancellationRequested();
        try
        {
            // Cancelling it would only make its outcome unknown.
            await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return Run.Failed(new CommitUnknownException(e));
        }

        return new Run(null, null);
    }

    private static void Forget(DbContext context)
    {
        try
        {
            context.ChangeTracker.Clear();
        }
        catch (ObjectDisposedException)
        {
            // The handler disposed it: then nothing is staged either.
        }
    }

    private async Task<IDbContextTransaction> BeginAsync(DbContext context, CancellationToken ct)
    {
        try
        {
            return await context.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
        }
        catch (DbException e) when (database.LayoutOf(context).Dialect.IsLockTimeout(e))
        {
            // SQLite takes its only write lock here; another process has it.
            throw UnavailableException.HeldElsewhere(e);
        }
    }

    private static async Task SaveAsync(DbContext context, CancellationToken ct)
    {
        // EF's savepoint is two round trips, for the case that one goes on after a failed save. Here everything is rolled back.
        var savepoints = context.Database.AutoSavepointsEnabled;
        context.Database.AutoSavepointsEnabled = false;
        try
        {
            await context.SaveChangesAsync(ct).ConfigureAwait(false);
        }
        finally
        {
            context.Database.AutoSavepointsEnabled = savepoints;
        }
    }

    private DbContext ContextOf(AsyncServiceScope scope) => (DbContext)scope.ServiceProvider.GetRequiredService(database.ContextType);

    private readonly record struct Run(InboxOutcome? Standing, ExceptionDispatchInfo? Failure)
    {
        public static Run Failed(Exception e) => new(null, ExceptionDispatchInfo.Capture(e));
    }
}
