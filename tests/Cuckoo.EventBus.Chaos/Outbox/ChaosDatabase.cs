using Cuckoo.EventBus.Chaos.Checking;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>The workers' database as the harness sees it: by SQL, and by connections that nobody cuts.</summary>
internal sealed class ChaosDatabase(NpgsqlConnectionStringBuilder connection)
{
    /// <summary>Not pooled: a connection kept from before the database's restart would be broken.</summary>
    private readonly string _connectionString = new NpgsqlConnectionStringBuilder(connection.ConnectionString) { Pooling = false }.ConnectionString;

    /// <summary>For a worker, perhaps through a proxy.</summary>
    public string ConnectionStringFor(int port) => new NpgsqlConnectionStringBuilder(connection.ConnectionString) { Port = port }.ConnectionString;

    /// <summary>Creates the tables and the counters.</summary>
    public async Task CreateTablesAsync()
    {
        await using var db = new ChaosContext(new DbContextOptionsBuilder<ChaosContext>().UseNpgsql(_connectionString).Options);
        await db.Database.EnsureCreatedAsync();
        db.Counters.AddRange(Enumerable.Range(0, Writing.Keys).Select(n => new Counter { Key = Writing.KeyOf(n) }));
        await db.SaveChangesAsync();
    }

    public async Task<long> CountWitnessesAsync(CancellationToken ct) => (await RowsAsync("SELECT count(*) FROM witnesses", r => r.GetInt64(0), ct))[0];

    /// <summary>How many rows the outbox has, in whatever state.</summary>
    public async Task<long> CountOutboxAsync(CancellationToken ct) => (await RowsAsync("SELECT count(*) FROM outbox_messages", r => r.GetInt64(0), ct))[0];

    public async Task<History> ReadHistoryAsync(IReadOnlyList<SentRecord> records, CancellationToken ct) => new()
    {
        Witnesses = await RowsAsync(
            "SELECT id, key, number, worker, at FROM witnesses",
            r => new WitnessRow(r.GetGuid(0), r.IsDBNull(1) ? null : r.GetString(1), r.IsDBNull(2) ? null : r.GetInt64(2), r.GetString(3), r.GetFieldValue<DateTimeOffset>(4)),
            ct),
        Counters = (await RowsAsync("SELECT key, number FROM counters", r => (Key: r.GetString(0), Number: r.GetInt64(1)), ct)).ToDictionary(c => c.Key, c => c.Number),
        Left = await RowsAsync(
            """
            SELECT id, event_id, convert_from(key, 'UTF8'), created_at,
                concat('lane ', lane, ', state ', state, ', ', attempts, ' attempts', ', due ' || due_at, ', last error: ' || last_error)
            FROM outbox_messages ORDER BY id
            """,
            r => new LeftRow(r.GetInt64(0), Guid.Parse(r.GetString(1)), r.IsDBNull(2) ? null : r.GetString(2), r.GetString(4), r.GetFieldValue<DateTimeOffset>(3)),
            ct),
        Records = records,
    };

    private async Task<List<T>> RowsAsync<T>(string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(row(reader));
        }

        return rows;
    }
}
