using System.Text.Json;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Retrying;

/// <summary>
/// A record is put behind its parked key by a look at that key alone, however many others are parked: also in the first storm, when
/// the server has no statistics of the table, or those of an empty one.
/// </summary>
public sealed class Parked_key_plan_on_PostgreSQL(PostgresFixture databases)
{
    private const int Keys = 10_000;
    private const int RecordsOfKey = 11;

    [Theory]
    [InlineData("")]
    [InlineData("ANALYZE retry_messages")]
    public async Task No_other_keys_rows_are_looked_at(string statistics)
    {
        await using var shop = await Shop.OpenAsync(databases);
        await using var connection = new NpgsqlConnection(shop.Database.ConnectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, $"""
            ALTER TABLE retry_messages SET (autovacuum_enabled = false);
            {statistics};
            INSERT INTO retry_messages (
                consumer_group, consumer, source, event_id, type, topic, kafka_partition, kafka_offset, record_timestamp, key, key_hash, headers, payload,
                attempts, first_failed_at, last_failed_at, replay_count, created_at, due_at)
            SELECT 'warehouse', 'stock', 'shop', i::text, 'order.placed', 'orders', i % 6, i, now(), (i % {Keys})::text::bytea, i % {Keys}, '\x01', 'x',
                1, now(), now(), 0, now(), CASE WHEN i <= {Keys} THEN now() END
            FROM generate_series(1, {Keys * RecordsOfKey}) i;
            """);
        var layout = shop.Service.Services.GetRequiredService<EventBusDatabases>().Find(typeof(ShopContext))!.Layout;

        foreach (var statement in new[] { $"SELECT {ParkedKeySql.DueUnlessBehind(layout)}", ParkedKeySql.Promote(layout) })
        {
            var plan = JsonDocument.Parse(await ExecuteAsync(connection, "EXPLAIN (ANALYZE, FORMAT JSON) " + OfKey(statement))).RootElement[0].GetProperty("Plan");
            var scans = Nodes(plan).Where(node => node.TryGetProperty("Relation Name", out _)).ToList();
            Assert.NotEmpty(scans);
            Assert.All(scans, scan => Assert.InRange(RowsOf(scan), 0, RecordsOfKey));
        }
    }

    private static string OfKey(string statement) => statement
        .Replace("@group", "'warehouse'", StringComparison.Ordinal)
        .Replace("@consumer", "'stock'", StringComparison.Ordinal)
        .Replace("@topic", "'orders'", StringComparison.Ordinal)
        .Replace("@partition", "1", StringComparison.Ordinal)
        .Replace("@hash", "1", StringComparison.Ordinal)
        .Replace("@key", "'1'::bytea", StringComparison.Ordinal);

    private static double RowsOf(JsonElement scan) =>
        (scan.TryGetProperty("Actual Rows", out var rows) ? rows.GetDouble() : 0) + (scan.TryGetProperty("Rows Removed by Filter", out var removed) ? removed.GetDouble() : 0);

    private static IEnumerable<JsonElement> Nodes(JsonElement plan) =>
        plan.TryGetProperty("Plans", out var plans) ? plans.EnumerateArray().SelectMany(Nodes).Prepend(plan) : [plan];

    private static async Task<string> ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (await command.ExecuteScalarAsync())?.ToString() ?? "";
    }
}
