using System.Collections.Frozen;
using System.Data.Common;
using System.Globalization;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Inbox;

/// <summary>One consumer's rows of the inbox, for many events at once. Safe for concurrent use.</summary>
/// <param name="database">The database.</param>
/// <param name="group">The consumer's group.</param>
/// <param name="consumer">The consumer's name.</param>
/// <param name="time">The clock.</param>
/// <param name="idleLimit">As for <see cref="InboxStore"/>.</param>
internal sealed class BatchInbox(EventBusDatabase database, string group, string consumer, TimeProvider time, TimeSpan idleLimit)
{
    /// <summary>Writes the first outcome of different events, in a transaction, where it counts once that commits.</summary>
    /// <returns>The events whose outcome stands already, each with that; the others' is this transaction's.</returns>
    /// <exception cref="UnavailableException">Another transaction is about to write one of them.</exception>
    public async Task<IReadOnlyDictionary<EventIdentity, InboxOutcome>> ClaimAsync(
        DatabaseLayout layout, DbConnection connection, DbTransaction transaction, IReadOnlyCollection<EventIdentity> events, CancellationToken ct)
    {
        var inOrder = events.ToArray();
        Array.Sort(inOrder, EventIdentity.InOrderOfClaims);
        var claimed = await InsertAsync(layout, connection, transaction, inOrder, ct).ConfigureAwait(false);
        if (claimed.Count == inOrder.Length)
        {
            return FrozenDictionary<EventIdentity, InboxOutcome>.Empty;
        }

        var others = Array.FindAll(inOrder, e => !claimed.Contains(e));
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        var standing = await FindAsync(layout, command, others, ct).ConfigureAwait(false);
        foreach (var e in others)
        {
            // Retention may have taken the row meanwhile; it takes none that is parked.
            standing.TryAdd(e, InboxOutcome.Done);
        }

        return standing;
    }

    /// <summary>The outcomes of those events that have one, seen by a connection of the bus's own.</summary>
    public async Task<IReadOnlyDictionary<EventIdentity, InboxOutcome>> FindAsync(IReadOnlyCollection<EventIdentity> events, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command("");
        return await FindAsync(database.Layout, command, events, ct).ConfigureAwait(false);
    }

    /// <summary>Notes, in one transaction of its own, that the events are done.</summary>
    public async Task MarkDoneAsync(IReadOnlyCollection<EventIdentity> events, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        await ClaimAsync(database.Layout, session.Connection, transaction, events, ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
    }

    private async Task<HashSet<EventIdentity>> InsertAsync(
        DatabaseLayout layout, DbConnection connection, DbTransaction transaction, EventIdentity[] events, CancellationToken ct)
    {
        await using var insert = connection.CreateCommand();
        insert.Transaction = transaction;
        // The condition tells SQLite's parser that ON begins no join.
        insert.CommandText = layout.Dialect.WithLockTimeout(
            $"""
            INSERT INTO {layout.InboxMessages} (consumer_group, consumer, source, event_id, outcome, decided_at)
            SELECT @group, @consumer, pair.a, pair.b, {(short)InboxOutcome.Done}, @now FROM {Pairs(layout, insert, events)} WHERE true ORDER BY pair.n
            ON CONFLICT DO NOTHING RETURNING source, event_id
            """,
            InboxStore.ClaimWait,
            idleLimit);
        AddConsumer(insert);
        insert.AddParameter("now", time.GetUtcNow().UtcDateTime);
        var inserted = new HashSet<EventIdentity>(events.Length);
        try
        {
            await using var reader = await insert.ExecuteReaderAsync(ct).ConfigureAwait(false);
            do
            {
                // The statements around it, where there are some, have other columns.
                while (reader.FieldCount == 2 && reader.GetName(1) == "event_id" && await reader.ReadAsync(ct).ConfigureAwait(false))
                {
                    inserted.Add(new EventIdentity(reader.GetString(0), reader.GetString(1)));
                }
            }
            while (await reader.NextResultAsync(ct).ConfigureAwait(false));
        }
        catch (DbException e) when (layout.Dialect.IsLockTimeout(e))
        {
            throw UnavailableException.HeldElsewhere(e);
        }

        return inserted;
    }

    private async Task<Dictionary<EventIdentity, InboxOutcome>> FindAsync(DatabaseLayout layout, DbCommand command, IReadOnlyCollection<EventIdentity> events, CancellationToken ct)
    {
        command.CommandText = $"""
            SELECT held.source, held.event_id, held.outcome FROM {Pairs(layout, command, events)}
            JOIN {layout.InboxMessages} held ON held.source = pair.a AND held.event_id = pair.b AND held.consumer_group = @group AND held.consumer = @consumer
            """;
        AddConsumer(command);
        var found = new Dictionary<EventIdentity, InboxOutcome>();
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            found[new EventIdentity(reader.GetString(0), reader.GetString(1))] = (InboxOutcome)Convert.ToInt16(reader.GetValue(2), CultureInfo.InvariantCulture);
        }

        return found;
    }

    private static string Pairs(DatabaseLayout layout, DbCommand command, IReadOnlyCollection<EventIdentity> events) =>
        layout.Dialect.Pairs(command, [.. events.Select(e => (e.Source, e.Id))]);

    private void AddConsumer(DbCommand command)
    {
        command.AddParameter("group", group);
        command.AddParameter("consumer", consumer);
    }
}
