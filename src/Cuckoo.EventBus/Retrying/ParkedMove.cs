using System.Data.Common;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// Hands over to a consumer what stands under the name it had before. Invariants: an event that is done under one of the names
/// has no effect under the other one; of each key, one of the rows under the new name is due. The marks under the old name
/// stay, as done ones, for whoever still runs under it.
/// </summary>
internal sealed class ParkedMove(EventBusDatabase database, InboxStore inbox, RetryStore store, string fromGroup, string from, ConsumerSettings to)
{
    /// <summary>A transaction of some milliseconds.</summary>
    public const int Part = 500;

    private DatabaseLayout Layout => database.Layout;

    /// <summary>What the inbox remembers of events that are done or dead.</summary>
    public async Task CopyMarksAsync(CancellationToken ct)
    {
        const string Old = "consumer_group = @fromGroup AND consumer = @from AND outcome <> 1";
        (string Source, string EventId)? last = ("", "");
        while (last is { } after)
        {
            using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
            await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
            last = await EndOfPartAsync(session, after, ct).ConfigureAwait(false);
            await using var copy = session.Command($"""
                INSERT INTO {Layout.InboxMessages} (consumer_group, consumer, source, event_id, outcome, decided_at)
                SELECT @toGroup, @to, source, event_id, outcome, decided_at FROM {Layout.InboxMessages}
                WHERE {Old} AND (source, event_id) > (@source, @event){(last is null ? "" : " AND (source, event_id) <= (@lastSource, @lastEvent)")}
                ON CONFLICT DO NOTHING
                """);
            AddNames(copy);
            copy.AddParameter("source", after.Source);
            copy.AddParameter("event", after.EventId);
            if (last is { } end)
            {
                copy.AddParameter("lastSource", end.Source);
                copy.AddParameter("lastEvent", end.EventId);
            }

            await copy.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }

        async Task<(string Source, string EventId)?> EndOfPartAsync(DatabaseSession session, (string Source, string EventId) after, CancellationToken token)
        {
            await using var command = session.Command(
                $"SELECT source, event_id FROM {Layout.InboxMessages} WHERE {Old} AND (source, event_id) > (@source, @event) ORDER BY source, event_id LIMIT 1 OFFSET {Part}");
            command.AddParameter("fromGroup", fromGroup);
            command.AddParameter("from", from);
            command.AddParameter("source", after.Source);
            command.AddParameter("event", after.EventId);
            await using var reader = await command.ExecuteReaderAsync(token).ConfigureAwait(false);
            return await reader.ReadAsync(token).ConfigureAwait(false) ? (reader.GetString(0), reader.GetString(1)) : null;
        }
    }

    /// <summary>The ids of the parked rows under the old name.</summary>
    public async Task<List<long>> RowsAsync(long after, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command(
            $"SELECT id FROM {Layout.RetryMessages} WHERE consumer_group = @fromGroup AND consumer = @from AND id > @after ORDER BY id LIMIT {Part}");
        command.AddParameter("fromGroup", fromGroup);
        command.AddParameter("from", from);
        command.AddParameter("after", after);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        var ids = new List<long>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            ids.Add(reader.GetInt64(0));
        }

        return ids;
    }

    /// <summary>One parked row with its mark.</summary>
    /// <exception cref="UnavailableException">Its handler runs.</exception>
    public async Task RunAsync(ParkedRow row, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        var isParked = await inbox.SettleAsync(Layout, session.Connection, transaction, row.InboxKey, row.Id, InboxOutcome.Done, ct).ConfigureAwait(false);
        var key = row.InboxKey with { Group = to.Group, Consumer = to.Name };
        if (!isParked || await inbox.ClaimAsync(Layout, session.Connection, transaction, key, InboxOutcome.Parked, ct).ConfigureAwait(false) is not null)
        {
            // It is decided under the old name, or under the new one: there is nothing left to run.
            await store.RemoveAsync(Layout, session.Connection, transaction, row, ct).ConfigureAwait(false);
        }
        else
        {
            await using var move = session.Command(
                $"""
                UPDATE {Layout.RetryMessages} SET consumer_group = @group, consumer = @consumer, due_at = coalesce(due_at, {(row.Record.Key is null ? Layout.Dialect.Now : ParkedKeySql.DueUnlessBehind(Layout))})
                WHERE id = @id AND consumer_group = @fromGroup AND consumer = @from
                """,
                transaction);
            var moved = row with { InboxKey = key };
            if (row.Record.Key is null)
            {
                move.AddRow(moved);
            }
            else
            {
                move.AddKey(moved);
                move.AddParameter("id", row.Id);
            }

            move.AddParameter("fromGroup", fromGroup);
            move.AddParameter("from", from);
            await move.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }

        await transaction.CommitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>The dead letters under the old name, so that a replay runs them under the new one.</summary>
    public async Task MoveLettersAsync(CancellationToken ct)
    {
        int moved;
        do
        {
            using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
            await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
            await using var command = session.Command($"""
                UPDATE {Layout.DeadLetters} SET consumer_group = @toGroup, consumer = @to WHERE id IN (
                    SELECT id FROM {Layout.DeadLetters} WHERE consumer_group = @fromGroup AND consumer = @from LIMIT {Part}{Layout.Dialect.SkipLocked})
                """);
            AddNames(command);
            moved = await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }
        while (moved == Part);
    }

    private void AddNames(DbCommand command)
    {
        command.AddParameter("fromGroup", fromGroup);
        command.AddParameter("from", from);
        command.AddParameter("toGroup", to.Group);
        command.AddParameter("to", to.Name);
    }
}
