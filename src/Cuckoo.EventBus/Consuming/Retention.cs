using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Deletes what one database no longer has to remember, in small transactions: rows so old are no handler's concern, and rows
/// that another instance is deleting are skipped.
/// </summary>
internal sealed class Retention(EventBusDatabase database, EventBusOptions options, TimeProvider time, ILogger<Retention> logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>A transaction of some milliseconds.</summary>
    private const int BatchSize = 1000;

    public async Task RunAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                await CleanAsync(ct).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(ct).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Stopped.
        }
    }

    private async Task CleanAsync(CancellationToken ct)
    {
        try
        {
            var layout = database.Layout;
            var skipLocked = layout.Dialect.SkipLocked;
            // A parked event's row stays as long as the event is parked.
            var inbox = await DeleteAsync(
                $"""
                DELETE FROM {layout.InboxMessages} WHERE (consumer_group, consumer, source, event_id) IN (
                    SELECT consumer_group, consumer, source, event_id FROM {layout.InboxMessages}
                    WHERE decided_at < @before AND outcome <> {(short)InboxOutcome.Parked} ORDER BY decided_at LIMIT {BatchSize}{skipLocked})
                """,
                time.GetUtcNow() - options.InboxRetention,
                ct).ConfigureAwait(false);
            var deadLetters = await DeleteAsync(
                $"""
                DELETE FROM {layout.DeadLetters} WHERE id IN (
                    SELECT id FROM {layout.DeadLetters} WHERE created_at < @before ORDER BY created_at LIMIT {BatchSize}{skipLocked})
                """,
                time.GetUtcNow() - options.DeadLetterRetention,
                ct).ConfigureAwait(false);
            ConsumingLog.RetentionDone(logger, inbox, deadLetters, database.Name);
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            // The next start goes on with it.
        }
        catch (Exception e)
        {
            ConsumingLog.RetentionFailed(logger, e, database.Name);
        }
    }

    private async Task<int> DeleteAsync(string sql, DateTimeOffset before, CancellationToken ct)
    {
        var total = 0;
        int deleted;
        do
        {
            using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
            await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
            await using var command = session.Command(sql);
            command.AddParameter("before", before.UtcDateTime);
            deleted = await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
            total += deleted;
        }
        while (deleted == BatchSize);
        return total;
    }
}
