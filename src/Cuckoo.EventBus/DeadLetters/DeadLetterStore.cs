using System.Data;
using System.Data.Common;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>
/// Dead letters of a consumer with a database. Invariant: inbox outcome, row and outbox message are committed together, and
/// only where no outcome stood before: an event that was applied is never dead, whatever its last attempt's commit answered.
/// </summary>
internal sealed class DeadLetterStore(
    EventBusDatabase database, InboxStore inbox, RetryStore parked, OutboxWriter outbox, OutboxSignals signals, BusSettings settings, TimeProvider time)
{
    /// <param name="incoming">The event.</param>
    /// <param name="key">Its identity at its consumer.</param>
    /// <param name="failure">Why it is given up.</param>
    /// <param name="traceId">Its trace.</param>
    /// <param name="row">Its parked row, which goes with it; <see langword="null"/> for a record from its topic.</param>
    /// <param name="ct">Cancels it.</param>
    /// <returns><see langword="null"/> if it was written; otherwise the event's outcome stands already.</returns>
    public async Task<InboxOutcome?> WriteAsync(
        IncomingEvent incoming, InboxKey key, Failure failure, string? traceId, ParkedRow? row, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        if (row is null)
        {
            if (await inbox.ClaimAsync(database.Layout, session.Connection, transaction, key, InboxOutcome.Dead, ct).ConfigureAwait(false) is { } standing)
            {
                return standing;
            }
        }
        else
        {
            var isParked = await inbox.SettleAsync(database.Layout, session.Connection, transaction, key, row.Id, InboxOutcome.Dead, ct).ConfigureAwait(false);
            await parked.RemoveAsync(database.Layout, session.Connection, transaction, row, ct).ConfigureAwait(false);
            if (!isParked)
            {
                await transaction.CommitAsync(ct).ConfigureAwait(false);
                return InboxOutcome.Done;
            }
        }

        await using (var insert = Insert(session, transaction, incoming, key, failure, traceId))
        {
            await insert.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }

        // A dead letter that is dead again at one of its own readers stays in the table: sent, it would come back for ever.
        IReadOnlyList<OutgoingRecord> letters = incoming.Record.Topic == settings.DeadLetterTopic
            ? []
            : [DeadLetterRecord.Create(incoming, key, failure, traceId, settings)];
        var lanes = await outbox.WriteAsync(database, database.Layout, session.Connection, transaction, letters, ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        signals.Raise(database, lanes, due: null);
        return null;
    }

    private DbCommand Insert(DatabaseSession session, DbTransaction transaction, IncomingEvent incoming, InboxKey key, Failure failure, string? traceId)
    {
        var command = session.Command(
            $"""
            INSERT INTO {database.Layout.DeadLetters} ({StoredRecordSql.Columns}, exception_type, exception_message, exception_stack, trace_id)
            VALUES ({StoredRecordSql.Values}, @exceptionType, @exceptionMessage, @exceptionStack, @trace)
            """,
            transaction);
        command.AddStored(incoming, key, failure, time.GetUtcNow());
        command.AddParameter("exceptionType", failure.ExceptionType);
        command.AddParameter("exceptionMessage", failure.Message);
        command.AddParameter("exceptionStack", failure.Stack);
        command.AddParameter("trace", traceId, DbType.String);
        return command;
    }
}
