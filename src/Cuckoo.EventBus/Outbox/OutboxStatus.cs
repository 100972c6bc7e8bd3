using System.Data.Common;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>How an outbox stands: one question to its indexes, whose cost does not grow with the backlog.</summary>
/// <param name="Pending">Events to be sent or tried again; counted up to 10,000 per lane and state.</param>
/// <param name="OldestAge">How long the longest waiting of them has waited, on this process's clock; zero if there is none.</param>
/// <param name="Dead">Events given up; counted up to 10,000.</param>
internal sealed record OutboxStatus(long Pending, TimeSpan OldestAge, long Dead)
{
    public const int CountLimit = 10_000;

    public static async Task<OutboxStatus> AskAsync(DatabaseSession session, LaneSql sql, TimeProvider time, CancellationToken ct)
    {
        await using var command = session.Command(sql.Status);
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        await reader.ReadAsync(ct).ConfigureAwait(false);
        return Read(reader, time);
    }

    /// <summary>Of a row that begins with it.</summary>
    public static OutboxStatus Read(DbDataReader reader, TimeProvider time)
    {
        var age = reader.IsDBNull(1) ? TimeSpan.Zero : time.GetUtcNow() - new DateTimeOffset(DateTime.SpecifyKind(reader.GetDateTime(1), DateTimeKind.Utc));
        return new OutboxStatus(reader.GetInt64(0), age > TimeSpan.Zero ? age : TimeSpan.Zero, reader.GetInt64(2));
    }
}
