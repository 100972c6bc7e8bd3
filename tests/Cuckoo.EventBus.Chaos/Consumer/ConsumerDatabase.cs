using Cuckoo.EventBus.Chaos.Consumer.Checking;
using Cuckoo.EventBus.Chaos.Servers;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What the harness asks the consumers' database.</summary>
internal sealed class ConsumerDatabase(HarnessDatabase database)
{
    public async Task CreateTablesAsync()
    {
        await using var db = new ConsumerContext(new DbContextOptionsBuilder<ConsumerContext>().UseNpgsql(database.ConnectionString).Options);
        await db.Database.EnsureCreatedAsync();
    }

    public Task<long> CountAppliedAsync(CancellationToken ct) => database.CountAsync("FROM applied", ct);

    public Task<long> CountDeadAsync(CancellationToken ct) => database.CountAsync("FROM dead_letters", ct);

    public Task<long> CountParkedAsync(CancellationToken ct) => database.CountAsync("FROM retry_messages", ct);

    public Task<long> CountUnsentAsync(CancellationToken ct) => database.CountAsync("FROM outbox_messages", ct);

    public Task<List<AppliedRow>> AppliedAsync(CancellationToken ct) => database.RowsAsync(
        "SELECT consumer, event_id, key, ordinal, answer_id, format('partition %s at offset %s, attempt %s, by worker %s', kafka_partition, kafka_offset, attempt, worker), at FROM applied ORDER BY id",
        r => new AppliedRow(
            r.GetString(0), r.GetGuid(1), r.IsDBNull(2) ? null : r.GetString(2), r.IsDBNull(3) ? null : r.GetInt64(3), r.GetGuid(4), r.GetString(5), r.GetFieldValue<DateTimeOffset>(6)),
        ct);

    public async Task<Dictionary<(string Consumer, string Key), long>> OrdinalsAsync(CancellationToken ct) =>
        (await database.RowsAsync("SELECT consumer, key, ordinal FROM positions", r => (Key: (r.GetString(0), r.GetString(1)), Ordinal: r.GetInt64(2)), ct)).ToDictionary(p => p.Key, p => p.Ordinal);

    public Task<List<OutcomeRow>> DeadAsync(CancellationToken ct) => OutcomesAsync(
        "SELECT consumer, event_id, convert_from(key, 'UTF8'), format('from offset %s after %s attempts, %s', kafka_offset, attempts, exception_message), created_at FROM dead_letters", ct);

    public Task<List<OutcomeRow>> ParkedAsync(CancellationToken ct) => OutcomesAsync(
        """
        SELECT consumer, event_id, convert_from(key, 'UTF8'),
            format('row %s, from partition %s at offset %s, %s attempts, due %s, now is %s, last error: %s', id, kafka_partition, kafka_offset, attempts, due_at, now(), last_error), created_at
        FROM retry_messages ORDER BY id
        """,
        ct);

    public Task<List<UnsentRow>> UnsentAsync(CancellationToken ct) => database.RowsAsync(
        "SELECT event_id, format('row %s of %s, lane %s, state %s, %s attempts, last error: %s', id, topic, lane, state, attempts, last_error) FROM outbox_messages ORDER BY id",
        r => new UnsentRow(Guid.Parse(r.GetString(0)), r.GetString(1)),
        ct);

    private Task<List<OutcomeRow>> OutcomesAsync(string sql, CancellationToken ct) => database.RowsAsync(
        sql, r => new OutcomeRow(r.GetString(0), Guid.Parse(r.GetString(1)), r.IsDBNull(2) ? null : r.GetString(2), r.GetString(3), r.GetFieldValue<DateTimeOffset>(4)), ct);
}
