using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Kafka;

/// <summary>A broker that is not there yet, and one that goes and comes back: its own for these tests, or they would disturb others.</summary>
public abstract class BrokerAwayTests(OwnBroker own, DatabaseFixture databases)
{
    [Fact]
    public async Task A_service_starts_without_a_broker_and_its_events_arrive_when_there_is_one()
    {
        await own.Broker.StartAsync();
        await using var bus = await TestBus.CreateAsync(own.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        await own.Broker.StopAsync();

        var script = new Script();
        var shop = await bus.StartAsync<ShopContext>("shop", database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship), s => s.AddSingleton(script));
        await PublishAsync(shop, 1);
        Assert.Equal(1, await PendingAsync(database));
        await own.Broker.StartAsync();

        await Eventually.Equal("1", () => NumbersAsync(database), TimeSpan.FromSeconds(60));
        await Eventually.Equal(0, () => PendingAsync(database));
    }

    [Fact]
    public async Task A_broker_that_goes_and_comes_back_costs_no_event_and_no_attempt()
    {
        await own.Broker.StartAsync();
        await using var bus = await TestBus.CreateAsync(own.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var script = new Script();
        var shop = await bus.StartAsync<ShopContext>("shop", database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship), s => s.AddSingleton(script));
        await PublishAsync(shop, 1);
        await Eventually.Equal("1", () => NumbersAsync(database));

        await own.Broker.StopAsync();
        await PublishAsync(shop, 2);
        await PublishAsync(shop, 3);
        await own.Broker.StartAsync();
        await PublishAsync(shop, 4);

        await Eventually.Equal("1 2 3 4", () => NumbersAsync(database), TimeSpan.FromSeconds(60));
        Assert.All(script.Seen, h => Assert.Equal(1, h.Context.Attempt));
        await Eventually.Equal(0, () => PendingAsync(database));
        Assert.Equal([1, 2, 3, 4], (await bus.ReadAsync(Topics.Orders)).Select(r => r.Json.GetProperty("number").GetInt32()).Distinct());
    }

    private static Task PublishAsync(TestService shop, int number) => shop.InScopeAsync(async scope =>
    {
        await scope.GetRequiredService<IEventPublisher>().PublishAsync(new OrderPlaced("a", number));
        await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
    });

    private static async Task<string> NumbersAsync(TestDatabase database) =>
        string.Join(' ', await database.AskAsync<ShopContext, List<int>>(db => db.Effects.OrderBy(e => e.Id).Select(e => e.Number).ToListAsync()));

    private static Task<int> PendingAsync(TestDatabase database) => database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().CountAsync());
}

[Collection<OwnBrokerCollection>]
public sealed class Broker_away_on_PostgreSQL(OwnBroker own, PostgresFixture databases) : BrokerAwayTests(own, databases);

[Collection<OwnBrokerCollection>]
public sealed class Broker_away_on_SQLite(OwnBroker own, SqliteFixture databases) : BrokerAwayTests(own, databases);
