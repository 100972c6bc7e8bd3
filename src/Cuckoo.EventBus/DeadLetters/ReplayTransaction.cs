using System.Data.Common;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>
/// Moves dead letters to the parked records, a part in one transaction. Invariants: letter deleted, row parked and inbox outcome
/// turned from dead to parked are committed together; a letter that someone else has in hand, to replay, discard or clean it up,
/// is left to them; an event that is done meanwhile stays done. What is found there, the consumer runs as it does any parked row.
/// </summary>
internal sealed class ReplayTransaction(EventBusDatabase database, InboxStore inbox, KnownConsumers consumers, TimeProvider time, ILogger logger)
{
    public async Task<DecidedRecords> RunAsync(IReadOnlyCollection<long> ids, CancellationToken ct)
    {
        var left = ids.ToList();
        while (true)
        {
            var (replayed, held) = await TryAsync(left, ct).ConfigureAwait(false);
            if (held is not { } id)
            {
                return new DecidedRecords(replayed, ids.Count - replayed);
            }

            // The transaction is broken off with its statement; the others' turn comes without this one.
            left.Remove(id);
        }
    }

    /// <returns>How many, or the letter because of which it was none.</returns>
    private async Task<(int Replayed, long? Held)> TryAsync(List<long> ids, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        var letters = (await LockAsync(session, transaction, ids, ct).ConfigureAwait(false)).FindAll(IsKnown);
        var reopened = new HashSet<long>();
        // In one order for everyone, whatever the letters' is.
        foreach (var letter in letters.OrderBy(l => l.Event.Source, StringComparer.Ordinal).ThenBy(l => l.Event.EventId, StringComparer.Ordinal).ThenBy(l => l.Event.Consumer, StringComparer.Ordinal))
        {
            try
            {
                if (await inbox.ReopenAsync(database.Layout, session.Connection, transaction, letter.Event, ct).ConfigureAwait(false) is { } standing)
                {
                    DeadLetterLog.NotReplayed(logger, letter.Id, letter.Event.Consumer, $"the event is {standing}");
                }
                else
                {
                    reopened.Add(letter.Id);
                }
            }
            catch (UnavailableException)
            {
                DeadLetterLog.NotReplayed(logger, letter.Id, letter.Event.Consumer, "the consumer is at work on the event");
                return (0, letter.Id);
            }
        }

        // In the order of the letters: that of the new rows is the one in which they run.
        foreach (var letter in letters.Where(l => reopened.Contains(l.Id)))
        {
            await ParkAsync(session, transaction, letter, ct).ConfigureAwait(false);
        }

        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return (reopened.Count, null);
    }

    private bool IsKnown(Letter letter)
    {
        var isKnown = consumers.Reads(letter.Event.Group, letter.Event.Consumer, letter.Topic);
        if (!isKnown)
        {
            DeadLetterLog.NotReplayed(logger, letter.Id, letter.Event.Consumer, $"no consumer here has this name in group {letter.Event.Group} and reads topic {letter.Topic}");
        }

        return isKnown;
    }

    private async Task<List<Letter>> LockAsync(DatabaseSession session, DbTransaction transaction, List<long> ids, CancellationToken ct)
    {
        var layout = database.Layout;
        await using var command = session.Command(
            $"SELECT id, consumer_group, consumer, source, event_id, topic, key FROM {layout.DeadLetters} WHERE {layout.Dialect.IsOneOf("id", "@ids")} ORDER BY id{layout.Dialect.SkipLocked}",
            transaction);
        command.AddParameter("ids", layout.Dialect.Ids(ids));
        var letters = new List<Letter>();
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            letters.Add(new Letter(
                reader.GetInt64(0),
                new InboxKey(reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4)),
                reader.GetString(5),
                ParkedKey.Hash(reader.GetByteArray(6))));
        }

        return letters;
    }

    private async Task ParkAsync(DatabaseSession session, DbTransaction transaction, Letter letter, CancellationToken ct)
    {
        var layout = database.Layout;
        // A row of the very record can stand there only if someone's hands were in the tables; then it is the one that runs.
        await using var command = session.Command(
            $"""
            INSERT INTO {layout.RetryMessages} ({StoredRecordSql.Columns}, key_hash, last_error, due_at)
            SELECT consumer_group, consumer, source, event_id, type, {StoredRecordSql.RecordColumns}, 0, first_failed_at, last_failed_at, replay_count + 1, @now, @hash, exception_message, {layout.Dialect.Now}
            FROM {layout.DeadLetters} WHERE id = @id
            ON CONFLICT (consumer_group, consumer, topic, kafka_partition, kafka_offset, source, event_id) DO UPDATE SET due_at = excluded.due_at;
            DELETE FROM {layout.DeadLetters} WHERE id = @id
            """,
            transaction);
        command.AddParameter("id", letter.Id);
        command.AddParameter("now", time.GetUtcNow().UtcDateTime);
        command.AddParameter("hash", letter.KeyHash);
        await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
    }

    private sealed record Letter(long Id, InboxKey Event, string Topic, long KeyHash);
}
