using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>When parked rows are due because a person says so. Rows that someone has locked are being decided about, and left out.</summary>
internal sealed class ParkedDue(EventBusDatabase database)
{
    /// <summary>Some 100,000 rows are rejected in it.</summary>
    private static readonly TimeSpan RejectionTime = TimeSpan.FromMinutes(10);

    private DatabaseLayout Layout => database.Layout;

    /// <summary>Makes those due that are the first of their keys.</summary>
    /// <returns>How many were not.</returns>
    public async Task<int> NowAsync(IReadOnlyCollection<long> ids, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"""
            UPDATE {Layout.RetryMessages} SET due_at = {Layout.Dialect.Now} WHERE id IN (
                SELECT id FROM {Layout.RetryMessages} AS parked
                WHERE {Layout.Dialect.IsOneOf("id", "@ids")} AND (due_at IS NULL OR due_at > {Layout.Dialect.Now}) AND {ParkedReader.IsFirst(Layout)}{Layout.Dialect.SkipLocked})
            """);
        command.AddParameter("ids", Layout.Dialect.Ids(ids));
        return await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
    }

    /// <summary>
    /// Gives rows behind others, which are about to be rejected, a due time long after now, so that none of them runs because the
    /// one before it was rejected a moment earlier. Should this process end before it gets to them, they are due then.
    /// </summary>
    public async Task HoldBackAsync(IReadOnlyCollection<long> ids, CancellationToken ct)
    {
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var command = session.Command($"""
            UPDATE {Layout.RetryMessages} SET due_at = {Layout.Dialect.NowPlus("@time")} WHERE id IN (
                SELECT id FROM {Layout.RetryMessages} WHERE {Layout.Dialect.IsOneOf("id", "@ids")} AND due_at IS NULL{Layout.Dialect.SkipLocked})
            """);
        command.AddParameter("time", RejectionTime.TotalSeconds);
        command.AddParameter("ids", Layout.Dialect.Ids(ids));
        await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
    }
}
