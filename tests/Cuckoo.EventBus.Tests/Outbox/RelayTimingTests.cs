using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>What the relay does by the clock.</summary>
public abstract class RelayTimingTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task Delayed_events_are_sent_when_they_are_due_and_hold_nobody_back()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>("shop", database);

        await PublishAsync(shop, new OrderPlaced("a", 1), DateTimeOffset.UtcNow.AddDays(1));
        await PublishAsync(shop, new OrderPlaced("a", 2), DateTimeOffset.UtcNow.AddHours(1));
        await PublishAsync(shop, new OrderPlaced("a", 3), DateTimeOffset.UtcNow.AddHours(2));
        await PublishAsync(shop, new OrderPlaced("a", 4), null);
        await bus.ReadAsync(Topics.Orders, 1);

        // The hours pass.
        await database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().Where(m => m.DueAt < DateTime.UtcNow.AddHours(3))
            .ExecuteUpdateAsync(s => s.SetProperty(m => m.DueAt, m => m.DueAt!.Value.AddHours(-3))));

        var numbers = (await bus.ReadAsync(Topics.Orders, 3)).Select(r => r.Json.GetProperty("number").GetInt32());
        Assert.Equal([4, 2, 3], numbers);
        await Eventually.Equal(1, () => database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().CountAsync()));
    }

    [Fact]
    public async Task The_lanes_of_an_owner_that_is_gone_move_on_when_its_lease_ends()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        await database.AskAsync<ShopContext, int>(db => db.Set<OutboxLane>().ExecuteUpdateAsync(s => s
            .SetProperty(l => l.Owner, "gone").SetProperty(l => l.Claim, 7).SetProperty(l => l.LeaseUntil, DateTime.UtcNow.AddSeconds(2))));

        var shop = await bus.StartAsync<ShopContext>("shop", database);
        await PublishAsync(shop, new OrderPlaced("a", 1), null);

        Assert.Single(await bus.ReadAsync(Topics.Orders, 1));
    }

    [Fact]
    public async Task A_relay_that_stops_gives_its_lanes_back_at_once()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>("shop", database);
        await PublishAsync(shop, new OrderPlaced("a", 1), null);
        await bus.ReadAsync(Topics.Orders, 1);

        await shop.StopAsync();

        Assert.Equal(0, await database.AskAsync<ShopContext, int>(db => db.Set<OutboxLane>().CountAsync(l => l.Owner != null)));
    }

    private static Task PublishAsync(TestService shop, OrderPlaced e, DateTimeOffset? deliverAt) => shop.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<ShopContext>();
        await db.PublishAsync(e, new PublishOptions { DeliverAt = deliverAt });
        await db.SaveChangesAsync();
    });
}

public sealed class Relay_timing_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : RelayTimingTests(kafka, databases);

public sealed class Relay_timing_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : RelayTimingTests(kafka, databases);
