using Cuckoo.EventBus.Tests.Sample;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>
/// The first backlog of a database comes before PostgreSQL has analysed the table, and after plans were made while it was empty:
/// a step may not look through all rows to delete its own.
/// </summary>
public sealed class First_backlog_on_PostgreSQL(PostgresFixture databases)
{
    private const int Rows = 200_000;
    private const short Lane = 3;

    /// <summary>More often than PostgreSQL makes a plan for one call only.</summary>
    private const int StepsBefore = 10;

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public async Task A_step_looks_at_the_rows_of_its_lane_only(int rowsPerStep)
    {
        await using var shop = await Shop.OpenAsync(databases);
        await using var connection = new NpgsqlConnection(shop.Database.ConnectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, "ALTER TABLE outbox_messages SET (autovacuum_enabled = false)");
        await using var relay = await RelayHand.OpenAsync(shop, Lane, "one");
        await relay.ReadAsync();
        for (var i = 0; i < StepsBefore; i++)
        {
            await InsertAsync(connection, rowsPerStep, lanes: $"{Lane}");
            await relay.ReadOnAsync(done: [.. (await relay.ReadOnAsync())!.Select(row => row.Id)]);
        }

        await InsertAsync(connection, Rows, lanes: "i % 16");
        var read = (await relay.ReadOnAsync())!;
        Assert.Equal(1000, read.Count);
        long[] done = [.. read.Take(rowsPerStep).Select(row => row.Id)];

        var before = await LookedAtAsync(relay, connection);
        await relay.ReadOnAsync(done);
        var during = await LookedAtAsync(relay, connection) - before;

        Assert.True(during < Rows / 2, $"To delete {done.Length} rows and to read the next ones it looked at {during} of {Rows}.");
        Assert.Equal(Rows - done.Length, await ExecuteAsync(connection, "SELECT count(*) FROM outbox_messages"));
    }

    private static Task<long> InsertAsync(NpgsqlConnection connection, int rows, string lanes) => ExecuteAsync(
        connection,
        $"""
        INSERT INTO outbox_messages (lane, topic, key, event_id, type, headers, payload, created_at, attempts, state)
        SELECT {lanes}, 'orders', 'key', gen_random_uuid(), 'order.placed', '\x01', repeat('x', 200)::bytea, now(), 0, 0 FROM generate_series(1, {rows}) i
        """);

    private static async Task<long> LookedAtAsync(RelayHand relay, NpgsqlConnection connection)
    {
        await using var flush = relay.Session.Command("SELECT pg_stat_force_next_flush()");
        await flush.ExecuteScalarAsync();
        return await ExecuteAsync(
            connection,
            "SELECT (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'outbox_messages') + (SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'outbox_messages')");
    }

    private static async Task<long> ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync() is long number ? number : 0;
    }
}
