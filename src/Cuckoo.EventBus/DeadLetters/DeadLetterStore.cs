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
    EventBusDatabase database, InboxStore inbox, OutboxWriter outbox, OutboxSignals signals, BusSettings settings, TimeProvider time)
{
    /// <returns>Whether it was written; otherwise the event's outcome stands already.</returns>
    public async Task<bool> WriteAsync(IncomingEvent incoming, InboxKey key, ConsumerSettings consumer, Failure failure, string? traceId, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        if (!await inbox.ClaimAsync(database.Layout, session.Connection, transaction, key, InboxOutcome.Dead, ct).ConfigureAwait(false))
        {
            return false;
        }

        await using (var insert = Insert(session, transaction, incoming, key, failure, traceId))
        {
            await insert.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
        }

        // A dead letter that is dead again at one of its own readers stays in the table: sent, it would come back for ever.
        IReadOnlyList<OutgoingRecord> letters = incoming.Record.Topic == settings.DeadLetterTopic
            ? []
            : [DeadLetterRecord.Create(incoming, consumer, failure, traceId, settings)];
        var lanes = await outbox.WriteAsync(database, database.Layout, session.Connection, transaction, letters, ct).ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        signals.Raise(database, lanes, due: null);
        return true;
    }

    private DbCommand Insert(DatabaseSession session, DbTransaction transaction, IncomingEvent incoming, InboxKey key, Failure failure, string? traceId)
    {
        var record = incoming.Record;
        var command = session.Command(
            $"""
            INSERT INTO {database.Layout.DeadLetters}
                (consumer_group, consumer, source, event_id, type, topic, kafka_partition, kafka_offset, record_timestamp, key, headers, payload,
                 attempts, first_failed_at, last_failed_at, replay_count, created_at, exception_type, exception_message, exception_stack, trace_id)
            VALUES
                (@group, @consumer, @source, @event, @type, @topic, @partition, @offset, @timestamp, @key, @headers, @payload,
                 @attempts, @first, @last, 0, @now, @exceptionType, @exceptionMessage, @exceptionStack, @trace)
            """,
            transaction);
        command.AddParameter("group", key.Group);
        command.AddParameter("consumer", key.Consumer);
        command.AddParameter("source", key.Source);
        command.AddParameter("event", key.EventId);
        command.AddParameter("type", DeadLetterRecord.TypeOf(incoming));
        command.AddParameter("topic", record.Topic);
        command.AddParameter("partition", record.Partition);
        command.AddParameter("offset", record.Offset);
        command.AddParameter("timestamp", record.Timestamp.UtcDateTime);
        command.AddParameter("key", record.Key, DbType.Binary);
        command.AddParameter("headers", HeaderBlock.Write(record.Headers));
        command.AddParameter("payload", record.Value, DbType.Binary);
        command.AddParameter("attempts", failure.Attempts);
        command.AddParameter("first", failure.First.UtcDateTime);
        command.AddParameter("last", failure.Last.UtcDateTime);
        command.AddParameter("now", time.GetUtcNow().UtcDateTime);
        command.AddParameter("exceptionType", DeadLetterRecord.ExceptionTypeOf(failure));
        command.AddParameter("exceptionMessage", DeadLetterRecord.MessageOf(failure));
        command.AddParameter("exceptionStack", DeadLetterRecord.StackOf(failure));
        command.AddParameter("trace", traceId, DbType.String);
        return command;
    }
}
