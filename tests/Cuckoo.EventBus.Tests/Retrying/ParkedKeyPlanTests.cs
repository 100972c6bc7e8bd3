using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Tests.Storage;
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
        await QueryPlan.ExecuteAsync(connection, $"""
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
            var scans = (await QueryPlan.OfAsync(connection, OfKey(statement))).ScansOf("retry_messages");
            Assert.NotEmpty(scans);
            Assert.All(scans, scan => Assert.InRange(QueryPlan.RowsOf(scan), 0, RecordsOfKey));
        }
    }

    private static string OfKey(string statement) => statement
        .Replace("@group", "'warehouse'", StringComparison.Ordinal)
        .Replace("@consumer", "'stock'", StringComparison.Ordinal)
        .Replace("@topic", "'orders'", StringComparison.Ordinal)
        .Replace("@partition", "1", StringComparison.Ordinal)
        .Replace("@hash", "1", StringComparison.Ordinal)
        .Replace("@key", "'1'::bytea", StringComparison.Ordinal);
}
