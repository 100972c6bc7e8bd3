using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Writes staged events into the outbox as their transaction's last statement. Invariant: a row is written exactly by the
/// transaction that commits the changes it was staged with, after that transaction has taken its row locks.
/// </summary>
/// <remarks>
/// The change tracker is the staging list, so <c>Clear</c>, failed saves and pooling behave as EF's users expect. At
/// <c>SavingChanges</c> the messages leave the tracker; they are written in <c>SavedChanges</c> where a transaction was open,
/// in <c>TransactionCommitting</c> of the one that a bare <c>SaveChanges</c> opens, and return to the tracker if the save
/// fails. Longer than most files: EF's sync and async events come in pairs. Safe for concurrent use by different contexts.
/// </remarks>
internal sealed class OutboxInterceptor(
    EventEncoder encoder, EventBusDatabases databases, OutboxWriter writer, OutboxSignals signals) : ISaveChangesInterceptor, IDbTransactionInterceptor
{
    private readonly ConditionalWeakTable<DbContext, StagedEvents> _staged = [];
    private readonly ConditionalWeakTable<DbTransaction, WrittenLanes> _written = [];

    /// <summary>The interceptor of a context that was given an outbox.</summary>
    /// <exception cref="EventBusException">It has none.</exception>
    public static OutboxInterceptor Of(DbContext context) =>
        context.GetService<IDbContextOptions>().FindExtension<CoreOptionsExtension>()?.Interceptors?.OfType<OutboxInterceptor>().FirstOrDefault()
        ?? throw NoOutbox(context);

    /// <summary>Stages events on a context: all of them, or with an exception none.</summary>
    public void Stage(DbContext context, IEnumerable<object> events, PublishOptions? options)
    {
        RefuseAmbientTransaction(context);
        var staged = StagedOf(context);
        var messages = events.Select(e => OutboxMessage.Stage(encoder.Create(e, options), staged.NextId())).ToList();
        var transaction = context.Database.CurrentTransaction?.TransactionId;
        if (messages.Exists(m => !staged.IsNewId(m.EventId, transaction)))
        {
            // Only now, since it looks at everything staged: the id may be of an event taken back, or of a failed save.
            ForgetCleared(context, staged);
            ReplacePutBack(context, staged, messages);
        }

        AddIds(staged, messages, transaction);
        staged.Staged.AddRange(messages);
        if (staged.IsSaving)
        {
            // By another interceptor, in the middle of a save: EF has seen the tracker already.
            staged.Saving.AddRange(messages);
        }
        else
        {
            context.AddRange(messages);
        }
    }

    /// <summary>Takes back a delayed event, staged here or in the table.</summary>
    public async Task<bool> CancelScheduledAsync(DbContext context, string eventId, CancellationToken ct)
    {
        if (Find(context) is { IsSaving: false } staged
            && staged.Staged.Find(m => !m.IsWritten && m.EventId == eventId && m.Record!.DeliverAt is not null && IsStill(context, m)) is { } message)
        {
            Detach(context, [message]);
            staged.Remove([message]);
            staged.ForgetId(eventId);
            return true;
        }

        var messages = DatabaseOf(context).LayoutOf(context).OutboxMessages;
        var sql = $"DELETE FROM {messages} WHERE event_id = {{0}} AND state = {(short)OutboxEntryState.Scheduled}";
        return await context.Database.ExecuteSqlRawAsync(sql, [eventId], ct).ConfigureAwait(false) > 0;
    }

    /// <summary>What was published on this context and neither saved nor taken back.</summary>
    public IEnumerable<string> TypesNeverSaved(DbContext context) =>
        Find(context) is { } staged ? staged.Staged.Where(m => !m.IsWritten && !m.IsPutBack && IsStill(context, m)).Select(m => m.Type) : [];

    public InterceptionResult<int> SavingChanges(DbContextEventData eventData, InterceptionResult<int> result)
    {
        BeginSave(eventData.Context!);
        return result;
    }

    public ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        BeginSave(eventData.Context!);
        return ValueTask.FromResult(result);
    }

    public int SavedChanges(SaveChangesCompletedEventData eventData, int result)
    {
        var context = eventData.Context!;
        if (Saving(context) is not { } staged)
        {
            return result;
        }

        if (!staged.IsWritten && context.Database.CurrentTransaction is { } transaction)
        {
            Write(context, transaction.GetDbTransaction(), staged.Saving);
        }
        else if (!staged.IsWritten)
        {
            // Only events, no other change: EF opened no transaction. The commit writes them.
            context.Database.CreateExecutionStrategy().Execute(() =>
            {
                using var own = context.Database.BeginTransaction();
                own.Commit();
            });
        }

        EndSave(context, staged);
        return result;
    }

    public async ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        var context = eventData.Context!;
        if (Saving(context) is not { } staged)
        {
            return result;
        }

        if (!staged.IsWritten && context.Database.CurrentTransaction is { } transaction)
        {
            await WriteAsync(context, transaction.GetDbTransaction(), staged.Saving, cancellationToken).ConfigureAwait(false);
        }
        else if (!staged.IsWritten)
        {
            await context.Database.CreateExecutionStrategy().ExecuteAsync(
                async ct =>
                {
                    await using var own = await context.Database.BeginTransactionAsync(ct).ConfigureAwait(false);
                    await own.CommitAsync(ct).ConfigureAwait(false);
                },
                cancellationToken).ConfigureAwait(false);
        }

        EndSave(context, staged);
        return result;
    }

    public void SaveChangesFailed(DbContextErrorEventData eventData) => PutBack(eventData.Context!);

    public Task SaveChangesFailedAsync(DbContextErrorEventData eventData, CancellationToken cancellationToken = default)
    {
        PutBack(eventData.Context!);
        return Task.CompletedTask;
    }

    public void SaveChangesCanceled(DbContextEventData eventData) => PutBack(eventData.Context!);

    public Task SaveChangesCanceledAsync(DbContextEventData eventData, CancellationToken cancellationToken = default)
    {
        PutBack(eventData.Context!);
        return Task.CompletedTask;
    }

    public InterceptionResult TransactionCommitting(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result)
    {
        if (TakeForCommit(eventData.Context, eventData.TransactionId) is { Count: > 0 } messages)
        {
            Write(eventData.Context!, transaction, messages);
        }

        return result;
    }

    public async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        if (TakeForCommit(eventData.Context, eventData.TransactionId) is { Count: > 0 } messages)
        {
            await WriteAsync(eventData.Context!, transaction, messages, cancellationToken).ConfigureAwait(false);
        }

        return result;
    }

    public void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) => Ended(transaction, eventData.Context, committed: true);

    public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Ended(transaction, eventData.Context, committed: true);
        return Task.CompletedTask;
    }

    public void TransactionRolledBack(DbTransaction transaction, TransactionEndEventData eventData) => Ended(transaction, eventData.Context, committed: false);

    public Task TransactionRolledBackAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Ended(transaction, eventData.Context, committed: false);
        return Task.CompletedTask;
    }

    public void RolledBackToSavepoint(DbTransaction transaction, TransactionEventData eventData) => Doubt(eventData.Context);

    public Task RolledBackToSavepointAsync(DbTransaction transaction, TransactionEventData eventData, CancellationToken cancellationToken = default)
    {
        Doubt(eventData.Context);
        return Task.CompletedTask;
    }

    private static void AddIds(StagedEvents staged, List<OutboxMessage> messages, Guid? transaction)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        if (messages.Find(m => !staged.IsNewId(m.EventId, transaction) || !seen.Add(m.EventId)) is { } twice)
        {
            throw new EventBusException($"Event {twice.Type} with id {twice.EventId} is published twice in one transaction. Publish each instance once; a copy made by 'with' is an event of its own.");
        }

        messages.ForEach(m => staged.AddId(m.EventId));
    }

    private static bool IsStill(DbContext context, OutboxMessage message)
    {
        try
        {
            return context.Entry(message).State == EntityState.Added;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>
    /// After a failed save the events are staged still. Code that runs again as a whole, inside an execution strategy for
    /// instance, publishes them anew: then its new ones count.
    /// </summary>
    private static void ReplacePutBack(DbContext context, StagedEvents staged, List<OutboxMessage> messages)
    {
        var again = messages.Select(m => m.EventId).ToHashSet(StringComparer.Ordinal);
        var replaced = staged.Staged.FindAll(m => m.IsPutBack && again.Contains(m.EventId));
        Detach(context, replaced);
        staged.Remove(replaced);
        replaced.ForEach(m => staged.ForgetId(m.EventId));
    }

    /// <summary>Forgets what the application took back by <c>ChangeTracker.Clear()</c>.</summary>
    private static void ForgetCleared(DbContext context, StagedEvents staged)
    {
        if (staged.IsSaving)
        {
            // The save has them, not the tracker.
            return;
        }

        var cleared = staged.Staged.FindAll(m => context.Entry(m).State != EntityState.Added);
        staged.Remove(cleared);
        cleared.FindAll(m => !m.IsWritten).ForEach(m => staged.ForgetId(m.EventId));
        if (staged.Staged.Count == 0)
        {
            staged.IsDoubtful = false;
        }

        if (context.Database.CurrentTransaction is null)
        {
            staged.ForgetIds();
        }
    }

    private static void RefuseAmbientTransaction(DbContext context)
    {
        if (System.Transactions.Transaction.Current is not null
            || context.GetService<IDbContextTransactionManager>() is ITransactionEnlistmentManager { EnlistedTransaction: not null })
        {
            throw new EventBusException($"An event can't be published on {context.GetType().Name} inside an ambient TransactionScope: its commit is not seen, so the event could be lost or come too early. Use context.Database.BeginTransaction() instead.");
        }
    }

    private EventBusDatabase DatabaseOf(DbContext context) => databases.Find(context.GetType()) ?? throw NoOutbox(context);

    private static EventBusException NoOutbox(DbContext context) =>
        new($"{context.GetType().Name} has no outbox. Register it with AddDbContext, AddDbContextPool or a factory, and add UseOutbox<{context.GetType().Name}>() to AddCuckooEventBus.");

    private StagedEvents StagedOf(DbContext context)
    {
        if (Find(context) is { } staged)
        {
            return staged;
        }

        var created = new StagedEvents(context.ContextId);
        _staged.AddOrUpdate(context, created);
        // Raised right after SavedChanges of the interceptors, which are not told. A pool takes it off with the lease.
        context.SavedChanges += (_, e) => KeepUnaccepted(context, created, e.AcceptAllChangesOnSuccess);
        return created;
    }

    private StagedEvents? Find(DbContext? context) =>
        context is not null && _staged.TryGetValue(context, out var staged) && staged.Lease == context.ContextId ? staged : null;

    private StagedEvents? Saving(DbContext context) => Find(context) is { IsSaving: true } staged ? staged : null;

    private void BeginSave(DbContext context)
    {
        if (Saving(context) is not null)
        {
            // Another interceptor stopped the save before EF began it.
            PutBack(context);
        }

        var hasDomainEvents = DatabaseOf(context).LayoutOf(context).HasDomainEvents;
        var staged = hasDomainEvents ? StagedOf(context) : Find(context);
        if (staged is null)
        {
            return;
        }

        ForgetCleared(context, staged);
        var raised = hasDomainEvents ? Raised(context, staged) : [];
        var due = NotYetIn(context.Database.CurrentTransaction?.TransactionId, staged);
        if (due.Count + raised.Count == 0)
        {
            return;
        }

        RefuseAmbientTransaction(context);
        staged.Saving.AddRange(due);
        staged.Saving.AddRange(raised);
        staged.IsSaving = true;
        Detach(context, due);
        staged.IsWritten = false;
        staged.SaveHasOwnTransaction = context.Database.CurrentTransaction is null;
        if (staged.SaveHasOwnTransaction)
        {
            staged.AutoTransactionBehavior = context.Database.AutoTransactionBehavior;
            context.Database.AutoTransactionBehavior = AutoTransactionBehavior.Always;
        }
    }

    /// <summary>The events that entities raised, encoded now; the entities keep theirs until the save succeeds.</summary>
    private List<OutboxMessage> Raised(DbContext context, StagedEvents staged)
    {
        staged.Raising.Clear();
        var messages = new List<OutboxMessage>();
        foreach (var entry in context.ChangeTracker.Entries<IHasDomainEvents>())
        {
            if (entry.Entity.DomainEvents.Count > 0)
            {
                staged.Raising.Add(entry.Entity);
                messages.AddRange(entry.Entity.DomainEvents.Select(e => OutboxMessage.Stage(encoder.Create(e, null), staged.NextId())));
            }
        }

        AddIds(staged, messages, context.Database.CurrentTransaction?.TransactionId);
        return messages;
    }

    /// <summary>What is staged and not in this transaction already.</summary>
    private static List<OutboxMessage> NotYetIn(Guid? transaction, StagedEvents staged) =>
        staged.Staged.FindAll(m => m.WrittenIn is null || m.WrittenIn != transaction);

    private static void Detach(DbContext context, List<OutboxMessage> messages)
    {
        foreach (var message in messages)
        {
            context.Entry(message).State = EntityState.Detached;
        }
    }

    private static void EndSave(DbContext context, StagedEvents staged)
    {
        foreach (var message in staged.Saving)
        {
            message.IsWritten = true;
            message.IsPutBack = false;
        }

        foreach (var entity in staged.Raising)
        {
            entity.ClearDomainEvents();
        }

        staged.Remove(staged.Saving);
        staged.Saved.AddRange(staged.Saving);
        staged.IsDoubtful = false;
        Close(context, staged);
    }

    /// <summary>
    /// <c>SaveChanges(acceptAllChangesOnSuccess: false)</c>: until they are accepted, the changes are to be saved again if the
    /// transaction fails, and so are the events.
    /// </summary>
    private static void KeepUnaccepted(DbContext context, StagedEvents staged, bool accepted)
    {
        if (!accepted)
        {
            staged.Staged.AddRange(staged.Saved);
            context.AddRange(staged.Saved);
        }

        staged.Saved.Clear();
    }

    private void PutBack(DbContext context)
    {
        if (Saving(context) is not { } staged)
        {
            return;
        }

        // What entities raised they still hold.
        foreach (var message in staged.Saving.Intersect(staged.Staged))
        {
            message.IsPutBack = true;
            message.WrittenIn = null;
            context.Add(message);
        }

        staged.IsDoubtful = staged.Staged.Count > 0;
        Close(context, staged);
        staged.ForgetIds();
    }

    private static void Close(DbContext context, StagedEvents staged)
    {
        staged.Saving.Clear();
        staged.Raising.Clear();
        staged.IsSaving = false;
        if (staged.AutoTransactionBehavior is { } behavior)
        {
            context.Database.AutoTransactionBehavior = behavior;
            staged.AutoTransactionBehavior = null;
        }
    }

    /// <summary>What the transaction must hold before it commits: a bare save's messages, or what was staged and not saved.</summary>
    private List<OutboxMessage>? TakeForCommit(DbContext? context, Guid transaction)
    {
        if (Find(context) is not { } staged)
        {
            return null;
        }

        if (staged.IsSaving && staged.SaveHasOwnTransaction)
        {
            staged.IsWritten = true;
            return staged.Saving;
        }

        ForgetCleared(context!, staged);
        var messages = NotYetIn(transaction, staged);
        if (staged.IsSaving || (staged.IsDoubtful && messages.Count > 0))
        {
            var types = string.Join(", ", messages.Select(m => m.Type).Distinct());
            throw new EventBusException($"The transaction can't commit: SaveChanges failed, or a savepoint was rolled back, after {types} was published on {context!.GetType().Name}. Call SaveChanges again to keep the events, or ChangeTracker.Clear() to drop them.");
        }

        Detach(context!, messages);
        staged.Remove(messages);
        foreach (var message in messages)
        {
            message.IsWritten = true;
        }

        return messages;
    }

    private void Ended(DbTransaction transaction, DbContext? context, bool committed)
    {
        Find(context)?.ForgetIds();
        if (_written.TryGetValue(transaction, out var lanes))
        {
            _written.Remove(transaction);
            if (committed)
            {
                lanes.Signal(signals);
            }
        }
    }

    private void Doubt(DbContext? context)
    {
        if (Find(context) is { IsSaving: false } staged)
        {
            staged.IsDoubtful = staged.Staged.Count > 0;
            staged.ForgetIds();
        }
    }

    private void Write(DbContext context, DbTransaction transaction, List<OutboxMessage> messages)
    {
        var database = DatabaseOf(context);
        EnsureConnected(context);
        var records = Records(context, messages);
        var lanes = writer.Write(database, database.LayoutOf(context), context.Database.GetDbConnection(), transaction, records);
        _written.GetOrCreateValue(transaction).Add(database, lanes, records.Min(r => r.DeliverAt));
    }

    private async Task WriteAsync(DbContext context, DbTransaction transaction, List<OutboxMessage> messages, CancellationToken ct)
    {
        var database = DatabaseOf(context);
        EnsureConnected(context);
        var records = Records(context, messages);
        var lanes = await writer.WriteAsync(
            database, database.LayoutOf(context), context.Database.GetDbConnection(), transaction, records, ct).ConfigureAwait(false);
        _written.GetOrCreateValue(transaction).Add(database, lanes, records.Min(r => r.DeliverAt));
    }

    /// <summary>
    /// EF swallows the failure of releasing its savepoint, which may be the first to notice that the connection is gone. What then
    /// comes from the provider names a completed transaction, and no retrying strategy or application takes that for what it is.
    /// </summary>
    /// <exception cref="DbUpdateException">The connection is lost. A retrying strategy runs the transaction again.</exception>
    private static void EnsureConnected(DbContext context)
    {
        if (context.Database.GetDbConnection().State != ConnectionState.Open)
        {
            throw new DbUpdateException(
                $"The connection to the database of {context.GetType().Name} was lost before the events were written. Its transaction is rolled back: run it again.",
                new TimeoutException("The database ended the connection, or it was cut."));
        }
    }

    private static OutgoingRecord[] Records(DbContext context, List<OutboxMessage> messages)
    {
        messages.ForEach(m => m.WrittenIn = context.Database.CurrentTransaction?.TransactionId);
        return [.. messages.Select(m => m.Record!)];
    }
}
