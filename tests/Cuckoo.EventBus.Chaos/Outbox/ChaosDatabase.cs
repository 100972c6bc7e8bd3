using Cuckoo.EventBus.Chaos.Checking;
using Cuckoo.EventBus.Chaos.Servers;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>What the harness asks the workers' database.</summary>
internal sealed class ChaosDatabase(HarnessDatabase database)
{
    /// <summary>Creates the tables and the counters.</summary>
    public async Task CreateTablesAsync()
    {
        await using var db = new ChaosContext(new DbContextOptionsBuilder<ChaosContext>().UseNpgsql(database.ConnectionString).Options);
        await db.Database.EnsureCreatedAsync();
        db.Counters.AddRange(Enumerable.Range(0, Writing.Keys).Select(n => new Counter { Key = Writing.KeyOf(n) }));
        await db.SaveChangesAsync();
    }

    public Task<long> CountWitnessesAsync(CancellationToken ct) => database.CountAsync("FROM witnesses", ct);

    /// <summary>How many rows the outbox has, in whatever state.</summary>
    public Task<long> CountOutboxAsync(CancellationToken ct) => database.CountAsync("FROM outbox_messages", ct);

    public async Task<History> ReadHistoryAsync(IReadOnlyList<SentRecord> records, CancellationToken ct) => new()
    {
        Witnesses = await database.RowsAsync(
            "SELECT id, key, number, worker, at FROM witnesses",
            r => new WitnessRow(r.GetGuid(0), r.IsDBNull(1) ? null : r.GetString(1), r.IsDBNull(2) ? null : r.GetInt64(2), r.GetString(3), r.GetFieldValue<DateTimeOffset>(4)),
            ct),
        Counters = (await database.RowsAsync("SELECT key, number FROM counters", r => (Key: r.GetString(0), Number: r.GetInt64(1)), ct)).ToDictionary(c => c.Key, c => c.Number),
        Left = await database.RowsAsync(
            """
            SELECT id, event_id, convert_from(key, 'UTF8'), created_at,
                concat('lane ', lane, ', state ', state, ', ', attempts, ' attempts', ', due ' || due_at, ', last error: ' || last_error)
            FROM outbox_messages ORDER BY id
            """,
            r => new LeftRow(r.GetInt64(0), Guid.Parse(r.GetString(1)), r.IsDBNull(2) ? null : r.GetString(2), r.GetString(4), r.GetFieldValue<DateTimeOffset>(3)),
            ct),
        Records = records,
    };
}
