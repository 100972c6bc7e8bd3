using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Tests.Storage;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>What the gauges ask a database costs the same however much waits there.</summary>
public sealed class Database_gauge_plan_on_PostgreSQL(PostgresFixture databases)
{
    private const int Rows = 1_000_000;

    /// <summary>Of each of 16 lanes 10,000 are counted, and of each of three consumers as many keys and as many records; a few more show where they are.</summary>
    private const int MostRows = (16 + (2 * 3)) * 10_000 + 1000;

    [Fact]
    public async Task Of_a_million_rows_each_it_counts_so_many_and_no_more_by_index()
    {
        await using var shop = await Shop.OpenAsync(databases);
        await using var connection = new NpgsqlConnection(shop.Database.ConnectionString);
        await connection.OpenAsync();
        await QueryPlan.ExecuteAsync(connection, $"""
            ALTER TABLE outbox_messages SET UNLOGGED;
            ALTER TABLE retry_messages SET UNLOGGED;
            INSERT INTO outbox_messages (lane, topic, key, event_id, type, headers, payload, created_at, attempts, state)
            SELECT i % 16, 'orders', 'k', i::text, 'order.placed', '\x01', 'x', now(), 0, 0 FROM generate_series(1, {Rows}) i;
            INSERT INTO retry_messages (
                consumer_group, consumer, source, event_id, type, topic, kafka_partition, kafka_offset, record_timestamp, key, key_hash, headers, payload,
                attempts, first_failed_at, last_failed_at, replay_count, created_at, due_at)
            SELECT 'warehouse', 'consumer-' || i % 3, 'shop', i::text, 'order.placed', 'orders', i % 12, i, now(), (i % 1000)::text::bytea, i % 1000, '\x01', 'x',
                1, now(), now(), 0, now(), CASE WHEN i <= 100000 THEN now() END
            FROM generate_series(1, {Rows}) i;
            ANALYZE outbox_messages;
            ANALYZE retry_messages;
            """);
        var database = shop.Service.Services.GetRequiredService<EventBusDatabases>().Find(typeof(ShopContext))!;
        var (lease, question) = new LaneSql(database.Layout).Watch.Split(";\n") is [var first, var second] ? (first, second) : default;

        await using var transaction = await connection.BeginTransactionAsync();
        await QueryPlan.ExecuteAsync(connection, lease.Replace("@owner", "'one'", StringComparison.Ordinal).Replace("@lease", "5.0", StringComparison.Ordinal));
        var plan = await QueryPlan.OfAsync(connection, question);

        var scans = plan.ScansOf("outbox_messages", "retry_messages");
        var rows = scans.Sum(QueryPlan.RowsOf);
        TestContext.Current.TestOutputHelper?.WriteLine($"{rows} rows of {2 * Rows} in {plan.Root.GetProperty("Actual Total Time")} ms");
        Assert.InRange(rows, 16 * 10_000, MostRows);
        Assert.All(scans, scan => Assert.StartsWith("Index", scan.GetProperty("Node Type").GetString(), StringComparison.Ordinal));
    }
}
