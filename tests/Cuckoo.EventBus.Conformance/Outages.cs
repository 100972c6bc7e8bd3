using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>A broker or a database that is away is nobody's fault.</summary>
public abstract class Outages(Pair pair)
{
    /// <summary>Clients look for a broker that was away with growing pauses.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_broker_that_goes_and_comes_back_costs_no_event_and_no_attempt()
    {
        await using var broker = await pair.StartBrokerAsync();
        // A request that the broker took with it is given up after a minute, unless a service says otherwise.
        await using var shop = await Warehouse.OpenAsync(broker, pair.Databases, configuration: new() { ["EventBus:Kafka:socket.timeout.ms"] = "10000" });
        await shop.PublishAsync(new OrderPlaced("a", 1));
        await shop.EventuallyNumbersAsync(1);

        await broker.StopAsync();
        await shop.PublishAsync(new OrderPlaced("a", 2), new OrderPlaced("a", 3));
        await broker.StartAsync();

        await Eventually.Equal("1 2 3", async () => string.Join(' ', await shop.NumbersAsync()), Limit);
        Assert.All(shop.Script.Seen, h => Assert.Equal(1, h.Context.Attempt));
    }

    [Fact]
    public async Task A_service_starts_without_a_broker_and_its_events_arrive_when_there_is_one()
    {
        await using var broker = await pair.StartBrokerAsync();
        await using var shop = await Warehouse.OpenAsync(broker, pair.Databases, b => b.Publishes<OrderPlaced>());
        await shop.Service.StopAsync();
        await broker.StopAsync();

        var script = new Script();
        await shop.Bus.StartAsync<ShopContext>("late", shop.Database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship), services => services.AddSingleton(script));
        await shop.PublishAsync(new OrderPlaced("a", 1));
        Assert.Equal(1, await shop.Database.AskAsync<ShopContext, int>(db => db.OutboxAsync()));
        await broker.StartAsync();

        await Eventually.Equal("1", async () => string.Join(' ', await shop.NumbersAsync()), Limit);
    }

    [Fact]
    public async Task A_database_that_goes_and_comes_back_costs_no_record_and_no_attempt()
    {
        await using var shop = await pair.OpenAsync(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Attempts = 1));
        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.EventuallyNumbersAsync(1);

        await using (await pair.TakeAwayAsync(shop.Database))
        {
            await shop.SendAsync(new OrderPlaced("a", 2));
            await shop.SendAsync(new OrderPlaced("a", 3));
            // A file that is locked is slow rather than away, and nobody has to say so.
            await Eventually.True(() => pair is EmbeddedAndSqlite || shop.Service.Log.Entries.Any(e => e.Exception is not null));
        }

        await shop.EventuallyNumbersAsync(1, 2, 3);
        Assert.Empty(await shop.DeadLettersAsync());
        Assert.All(shop.Script.Seen, h => Assert.Equal(1, h.Context.Attempt));
    }
}

public sealed class Outages_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Outages(pair);

public sealed class Outages_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Outages(pair);
