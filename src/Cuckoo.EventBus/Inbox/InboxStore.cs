using System.Data.Common;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Inbox;

/// <summary>The rows of one database's inbox. Safe for concurrent use.</summary>
internal sealed class InboxStore(EventBusDatabase database, TimeProvider time)
{
    /// <summary>
    /// How long a claim waits for another transaction's claim on the same event. The other one is a handler at work, perhaps in
    /// a process that hangs, so waiting longer would only hold a connection.
    /// </summary>
    private static readonly TimeSpan ClaimWait = TimeSpan.FromSeconds(1);

    /// <summary>Writes the outcome in a transaction, where it counts once that commits.</summary>
    /// <returns>Whether it is this transaction's; otherwise the event's outcome stands already.</returns>
    /// <exception cref="UnavailableException">Another transaction is about to write one.</exception>
    public async Task<bool> ClaimAsync(
        DatabaseLayout layout, DbConnection connection, DbTransaction transaction, InboxKey key, InboxOutcome outcome, CancellationToken ct)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = layout.Dialect.WithLockTimeout(
            $"""
            INSERT INTO {layout.InboxMessages} (consumer_group, consumer, source, event_id, outcome, decided_at)
            VALUES (@group, @consumer, @source, @event, {(short)outcome}, @now) ON CONFLICT DO NOTHING
            """,
            ClaimWait);
        AddKey(command, key);
        command.AddParameter("now", time.GetUtcNow().UtcDateTime);
        try
        {
            return await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false) > 0;
        }
        catch (DbException e) when (layout.Dialect.IsLockTimeout(e))
        {
            throw UnavailableException.HeldElsewhere(e);
        }
    }

    /// <summary>Whether the event's outcome stands, seen by a connection of the bus's own.</summary>
    public async Task<bool> ContainsAsync(InboxKey key, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command(
            $"SELECT 1 FROM {database.Layout.InboxMessages} WHERE consumer_group = @group AND consumer = @consumer AND source = @source AND event_id = @event");
        AddKey(command, key);
        return await command.ExecuteScalarAsync(ct).ConfigureAwait(false) is not null;
    }

    /// <summary>Notes, in a transaction of its own, that the event is done.</summary>
    public async Task MarkDoneAsync(InboxKey key, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        await ClaimAsync(database.Layout, session.Connection, transaction, key, InboxOutcome.Done, ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
    }

    private static void AddKey(DbCommand command, InboxKey key)
    {
        command.AddParameter("group", key.Group);
        command.AddParameter("consumer", key.Consumer);
        command.AddParameter("source", key.Source);
        command.AddParameter("event", key.EventId);
    }
}
