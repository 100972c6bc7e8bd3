using System.Text;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>From a commit to the topic.</summary>
public abstract class RelayTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task A_commit_publishes_once_and_a_rollback_nothing()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>("shop", database);

        await InTransactionAsync(shop, new OrderPlaced("a", 1), commits: true);
        await InTransactionAsync(shop, new OrderPlaced("a", 2), commits: false);
        await InTransactionAsync(shop, new OrderPlaced("a", 3), commits: true);

        Assert.Equal([1, 3], Numbers(await bus.ReadAsync(Topics.Orders, 2)));
        await Eventually.Equal(0, () => PendingAsync(database));
        Assert.Equal([1, 3], Numbers(await bus.ReadAsync(Topics.Orders)));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public async Task Events_of_a_key_reach_Kafka_in_the_order_of_their_commits(int instances, bool bareSaves)
    {
        string[] keys = ["a", "b", "c"];
        const int Writers = 8;
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var changes = database.IsPostgreSql ? 30 : 6;
        await using (var db = database.CreateContext<ShopContext>())
        {
            db.Orders.AddRange(keys.Select(key => new Order { Id = key }));
            await db.SaveChangesAsync();
        }

        // Small reads, so that many of them meet rows that others are just about to commit.
        var configuration = new Dictionary<string, string?> { ["EventBus:Relay:BatchSize"] = "5" };
        var shops = new List<TestService>();
        for (var i = 0; i < instances; i++)
        {
            shops.Add(await bus.StartAsync<ShopContext>("shop", database, configuration: configuration));
        }

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < changes; i++)
            {
                var key = keys[(writer + i) % keys.Length];
                await (bareSaves ? ChangeOptimisticallyAsync(shops[writer % instances], key) : ChangeUnderLockAsync(shops[writer % instances], key));
            }
        })));

        var records = await bus.ReadAsync(Topics.Orders, Writers * changes);
        foreach (var key in keys)
        {
            var expected = Enumerable.Range(1, await database.AskAsync<ShopContext, int>(db => db.Orders.Where(o => o.Id == key).Select(o => o.Number).SingleAsync()));
            Assert.Equal(expected, Numbers(records.Where(r => r.KeyText == key)));
        }
    }

    [Fact]
    public async Task A_record_carries_exactly_the_headers_of_CloudEvents_and_its_value_is_the_event()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>("shop", database);
        var placed = new OrderPlaced("a", 1);

        await InTransactionAsync(shop, placed, commits: true);

        var record = Assert.Single(await bus.ReadAsync(Topics.Orders, 1));
        Assert.Equal("a", record.KeyText);
        Assert.Equal(
            [new("ce_specversion", "1.0"), new("ce_id", placed.EventId.ToString()), new("ce_source", shop.Name), new("ce_type", "order.placed")],
            record.Headers.Select(h => KeyValuePair.Create(h.Key, Encoding.UTF8.GetString(h.Value!))));
        Assert.Equal(
            ["note", "number", "occurredAt", "orderId"],
            record.Json.EnumerateObject().Select(p => p.Name).Order());
    }

    [Fact]
    public async Task Any_bytes_go_through()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>("shop", database);
        byte[] broken = [0xFF, 0x00, 0xC3];

        await shop.InScopeAsync(async scope =>
        {
            var events = scope.GetRequiredService<IEventPublisher>();
            await events.PublishAsync(
                new OrderPlaced("a", 1) { Note = "nul \0 inside" },
                new PublishOptions { Key = "k\0y", Headers = new EventHeaders { { "x-bytes", broken }, { "x-none", (byte[]?)null }, { "x-bytes", "again" } } });
            await events.PublishAsync(new OrderPlaced("", 2), new PublishOptions { Key = "" });
            await events.PublishAsync(new StockCounted(3));
            await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
        });

        var records = await bus.ReadAsync(Topics.Orders, 3);
        var first = records.Single(r => r.KeyText == "k\0y");
        Assert.Equal("nul \0 inside", first.Json.GetProperty("note").GetString());
        Assert.Equal(broken, first.Headers.First(h => h.Key == "x-bytes").Value);
        Assert.Equal("again", first.Headers["x-bytes"]);
        Assert.True(first.Headers.Contains("x-none"));
        Assert.Null(first.Headers.GetBytes("x-none"));
        Assert.Contains(records, r => r.Key is []);
        Assert.Contains(records, r => r.Key is null);
    }

    [Fact]
    public async Task A_backlog_is_drained_by_a_service_that_starts_later()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var writer = await bus.StartAsync<ShopContext>("shop", database, configuration: new Dictionary<string, string?> { ["EventBus:Relay:Enabled"] = "false" });
        await writer.InScopeAsync(async scope =>
        {
            await scope.GetRequiredService<IEventPublisher>().PublishBatchAsync(Enumerable.Range(1, 3000).Select(n => new OrderPlaced($"{n % 7}", n)));
            await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
        });

        await bus.StartAsync<ShopContext>("shop", database);

        var records = await bus.ReadAsync(Topics.Orders, 3000);
        Assert.Equal(3000, records.Count);
        Assert.All(records.GroupBy(r => r.KeyText), key => Assert.Equal(Numbers(key).Order(), Numbers(key)));
        await Eventually.Equal(0, () => PendingAsync(database));
    }

    [Fact]
    public async Task Two_outboxes_of_one_service_are_both_relayed()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders, Topics.Shipping);
        var shopDatabase = await bus.AddDatabaseAsync<ShopContext>(databases);
        var billingDatabase = await bus.AddDatabaseAsync<BillingContext>(databases);
        var shop = await bus.StartAsync<ShopContext>(
            "shop",
            shopDatabase,
            b => b.UseOutbox<BillingContext>(),
            services => services.AddDbContext<BillingContext>(options => billingDatabase.Configure(options)));

        await shop.InScopeAsync(async scope =>
        {
            var orders = scope.GetRequiredService<ShopContext>();
            await orders.PublishAsync(new OrderPlaced("a", 1));
            await orders.SaveChangesAsync();
            var billing = scope.GetRequiredService<BillingContext>();
            await billing.PublishAsync(new OrderShipped("a", 2));
            await billing.SaveChangesAsync();
        });

        Assert.Equal([1], Numbers(await bus.ReadAsync(Topics.Orders, 1)));
        Assert.Equal([2], Numbers(await bus.ReadAsync(Topics.Shipping, 1)));
    }

    [Fact]
    public async Task A_row_that_the_broker_rejects_dies_after_its_attempts_and_other_keys_go_on()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("A topic with a limit of its own");
        await using var bus = await TestBus.CreateAsync(broker);
        await broker.CreateTopicAsync(bus.Prefix + Topics.Orders, partitions: 1, new() { ["max.message.bytes"] = "2000" });
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>("shop", database, configuration: new Dictionary<string, string?>
        {
            ["EventBus:Relay:MaxAttempts"] = "2",
            ["EventBus:Relay:RetryDelay"] = "00:00:00.010",
            ["EventBus:Relay:SweepInterval"] = "00:00:00.050",
        });

        await shop.InScopeAsync(async scope =>
        {
            var events = scope.GetRequiredService<IEventPublisher>();
            await events.PublishAsync(new OrderPlaced("large", 1) { Note = new string('x', 5000) });
            await events.PublishBatchAsync(Enumerable.Range(2, 20).Select(n => new OrderPlaced($"small-{n}", n)));
            await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
        });

        await Eventually.Equal("1 Dead", async () => string.Join(", ", (await RowsAsync(database)).Select(m => $"{m.Id} {m.State}")));
        var dead = Assert.Single(await RowsAsync(database));
        Assert.Equal((1, 2), (System.Text.Json.JsonDocument.Parse(dead.Payload).RootElement.GetProperty("number").GetInt32(), dead.Attempts));
        Assert.Contains("MsgSizeTooLarge", dead.LastError, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(2, 20), Numbers(await bus.ReadAsync(Topics.Orders)).Distinct().Order());
    }

    private static async Task InTransactionAsync(TestService shop, object e, bool commits) => await shop.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<ShopContext>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        await scope.GetRequiredService<IEventPublisher>().PublishAsync(e);
        await db.SaveChangesAsync();
        if (commits)
        {
            await transaction.CommitAsync();
        }
    });

    /// <summary>Counts the order up under its row's lock and publishes the count.</summary>
    private static Task ChangeUnderLockAsync(TestService shop, string key) => shop.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<ShopContext>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        await db.Orders.Where(o => o.Id == key).ExecuteUpdateAsync(set => set.SetProperty(o => o.Number, o => o.Number + 1));
        var number = await db.Orders.Where(o => o.Id == key).Select(o => o.Number).SingleAsync();
        await scope.GetRequiredService<IEventPublisher>().PublishAsync(new OrderPlaced(key, number));
        await db.SaveChangesAsync();
        await transaction.CommitAsync();
    });

    /// <summary>Counts the order up by a bare save, again and again until nobody else was faster.</summary>
    private static async Task ChangeOptimisticallyAsync(TestService shop, string key)
    {
        var saved = false;
        while (!saved)
        {
            await shop.InScopeAsync(async scope =>
            {
                var db = scope.GetRequiredService<ShopContext>();
                var order = await db.Orders.SingleAsync(o => o.Id == key);
                order.Number++;
                order.Stamp++;
                order.Raise(new OrderPlaced(key, order.Number));
                try
                {
                    await db.SaveChangesAsync();
                    saved = true;
                }
                catch (DbUpdateConcurrencyException)
                {
                    // Someone was faster: from the beginning, as a request would.
                }
            });
        }
    }

    private static IReadOnlyList<int> Numbers(IEnumerable<KafkaRecord> records) => [.. records.Select(r => r.Json.GetProperty("number").GetInt32())];

    private static Task<int> PendingAsync(TestDatabase database) =>
        database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().CountAsync());

    private static Task<List<OutboxMessage>> RowsAsync(TestDatabase database) =>
        database.AskAsync<ShopContext, List<OutboxMessage>>(db => db.Set<OutboxMessage>().AsNoTracking().ToListAsync());
}

public sealed class Relay_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : RelayTests(kafka, databases);

public sealed class Relay_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : RelayTests(kafka, databases);
