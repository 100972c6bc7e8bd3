using System.Data.Common;
using System.Globalization;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Inbox;

/// <summary>The rows of one database's inbox. Safe for concurrent use.</summary>
/// <param name="database">The database.</param>
/// <param name="time">The clock.</param>
/// <param name="idleLimit">
/// So long a claim's transaction may stand before the server ends it and frees what it holds: a process that is frozen, or cut off
/// unnoticed, would hold it for ever. Longer than any handler may take; <see langword="null"/> where no handler runs in it.
/// </param>
internal sealed class InboxStore(EventBusDatabase database, TimeProvider time, TimeSpan? idleLimit = null)
{
    private const string IsKey = "consumer_group = @group AND consumer = @consumer AND source = @source AND event_id = @event";

    private const string Columns = "consumer_group, consumer, source, event_id, outcome, decided_at";

    private const string Values = "@group, @consumer, @source, @event, @outcome, @now";

    /// <summary>
    /// How long a claim waits for another transaction's claim on the same event. The other one is a handler at work, perhaps in
    /// a process that hangs, so waiting longer would only hold a connection.
    /// </summary>
    public static readonly TimeSpan ClaimWait = TimeSpan.FromSeconds(1);

    private string? _claim;

    /// <summary>Writes the event's first outcome in a transaction, where it counts once that commits.</summary>
    /// <returns><see langword="null"/> if it is this transaction's; otherwise the one that stands already.</returns>
    /// <exception cref="UnavailableException">Another transaction is about to write one.</exception>
    public async Task<InboxOutcome?> ClaimAsync(
        DatabaseLayout layout, DbConnection connection, DbTransaction transaction, InboxKey key, InboxOutcome outcome, CancellationToken ct)
    {
        await using (var claim = Write(connection, transaction, key, outcome, _claim ??= layout.Dialect.InsertUnlessThere(layout.InboxMessages, Columns, Values, ClaimWait, idleLimit)))
        {
            // Run for every record. Unprepared, it takes the server twice as long.
            if (await RunAsync(layout, database.RunPreparedAsync(claim, ct)).ConfigureAwait(false) > 0)
            {
                return null;
            }
        }

        return await StandingAsync(layout, connection, transaction, key, ct).ConfigureAwait(false);
    }

    /// <summary>
    /// Turns <see cref="InboxOutcome.Parked"/> into the outcome of the parked row, in the transaction that deletes that row: of
    /// two that are at work on it, one.
    /// </summary>
    /// <param name="layout">Where the tables are.</param>
    /// <param name="connection">The transaction's connection.</param>
    /// <param name="transaction">The transaction.</param>
    /// <param name="key">The event at its consumer.</param>
    /// <param name="row">The parked row. One that is gone settles nothing, even if the event is parked again: by a replay, in another row.</param>
    /// <param name="outcome">The outcome.</param>
    /// <param name="ct">Cancels it.</param>
    /// <returns>Whether it is this transaction's; otherwise the event is no longer parked, or not in this row.</returns>
    /// <exception cref="UnavailableException">Another transaction is at work on it.</exception>
    public async Task<bool> SettleAsync(
        DatabaseLayout layout, DbConnection connection, DbTransaction transaction, InboxKey key, long row, InboxOutcome outcome, CancellationToken ct)
    {
        // An INSERT where a person has deleted the mark: the parked row alone says then what is to be done.
        await using var settle = Write(
            connection,
            transaction,
            key,
            outcome,
            Turn(
                layout,
                InboxOutcome.Parked,
                $"SELECT {Values} WHERE EXISTS (SELECT 1 FROM {layout.RetryMessages} WHERE id = @row AND consumer_group = @group AND consumer = @consumer)"));
        settle.AddParameter("row", row);
        return await RunAsync(layout, settle, ct).ConfigureAwait(false) > 0;
    }

    /// <summary>
    /// Turns <see cref="InboxOutcome.Dead"/> into <see cref="InboxOutcome.Parked"/>, in the transaction that moves the dead letter
    /// to the parked rows; a mark that retention has deleted is written again.
    /// </summary>
    /// <returns><see langword="null"/> if it is this transaction's; otherwise the outcome that the event has by now.</returns>
    /// <exception cref="UnavailableException">Another transaction is at work on it.</exception>
    public async Task<InboxOutcome?> ReopenAsync(DatabaseLayout layout, DbConnection connection, DbTransaction transaction, InboxKey key, CancellationToken ct)
    {
        await using (var reopen = Write(connection, transaction, key, InboxOutcome.Parked, Turn(layout, InboxOutcome.Dead, $"VALUES ({Values})")))
        {
            if (await RunAsync(layout, reopen, ct).ConfigureAwait(false) > 0)
            {
                return null;
            }
        }

        return await StandingAsync(layout, connection, transaction, key, ct).ConfigureAwait(false);
    }

    /// <summary>The event's outcome, seen by a connection of the bus's own; <see langword="null"/> while there is none.</summary>
    public async Task<InboxOutcome?> FindAsync(InboxKey key, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"SELECT outcome FROM {database.Layout.InboxMessages} WHERE {IsKey}");
        AddKey(command, key);
        return await ReadAsync(command, ct).ConfigureAwait(false);
    }

    /// <summary>Whether a group decided about anything before a time.</summary>
    public async Task<bool> HasDecidedAsync(string group, DateTimeOffset before, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"SELECT 1 FROM {database.Layout.InboxMessages} WHERE consumer_group = @group AND decided_at < @before LIMIT 1");
        command.AddParameter("group", group);
        command.AddParameter("before", before.UtcDateTime);
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

    /// <summary>Runs a statement that waits for others' locks only so long.</summary>
    /// <exception cref="UnavailableException">It waited for longer.</exception>
    public static Task<int> RunAsync(DatabaseLayout layout, DbCommand command, CancellationToken ct) => RunAsync(layout, command.ExecuteNonQueryAsync(ct));

    private static async Task<int> RunAsync(DatabaseLayout layout, Task<int> running)
    {
        try
        {
            return await running.ConfigureAwait(false);
        }
        catch (DbException e) when (layout.Dialect.IsLockTimeout(e))
        {
            throw UnavailableException.HeldElsewhere(e);
        }
    }

    private string Turn(DatabaseLayout layout, InboxOutcome from, string values) => layout.Dialect.WithLockTimeout(
        $"""
        INSERT INTO {layout.InboxMessages} AS held ({Columns}) {values}
        ON CONFLICT (consumer_group, consumer, source, event_id) DO UPDATE SET outcome = excluded.outcome, decided_at = excluded.decided_at
        WHERE held.outcome = {(short)from}
        """,
        ClaimWait,
        idleLimit);

    private static async Task<InboxOutcome> StandingAsync(DatabaseLayout layout, DbConnection connection, DbTransaction transaction, InboxKey key, CancellationToken ct)
    {
        await using var standing = connection.CreateCommand();
        standing.Transaction = transaction;
        standing.CommandText = $"SELECT outcome FROM {layout.InboxMessages} WHERE {IsKey}";
        AddKey(standing, key);
        // Retention may have taken the row meanwhile; it takes none that is parked.
        return await ReadAsync(standing, ct).ConfigureAwait(false) ?? InboxOutcome.Done;
    }

    private DbCommand Write(DbConnection connection, DbTransaction transaction, InboxKey key, InboxOutcome outcome, string statement)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = statement;
        AddKey(command, key);
        command.AddParameter("outcome", (short)outcome);
        command.AddParameter("now", time.GetUtcNow().UtcDateTime);
        return command;
    }

    private static async Task<InboxOutcome?> ReadAsync(DbCommand command, CancellationToken ct) =>
        await command.ExecuteScalarAsync(ct).ConfigureAwait(false) is { } number ? (InboxOutcome)Convert.ToInt16(number, CultureInfo.InvariantCulture) : null;

    /// <summary>The parameters group, consumer, source and event.</summary>
    public static void AddKey(DbCommand command, InboxKey key)
    {
        command.AddParameter("group", key.Group);
        command.AddParameter("consumer", key.Consumer);
        command.AddParameter("source", key.Source);
        command.AddParameter("event", key.EventId);
    }
}
