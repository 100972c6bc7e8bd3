using Cuckoo.EventBus.Outbox;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Sample;

/// <summary>A service with a database and an outbox, but neither relay nor consumers: what is published stays in the table.</summary>
internal sealed class Shop : IAsyncDisposable
{
    private Shop(TestDatabase database, TestService service)
    {
        Database = database;
        Service = service;
    }

    public TestDatabase Database { get; }

    public TestService Service { get; }

    public static async Task<Shop> OpenAsync(
        DatabaseFixture databases, Action<IServiceCollection, TestDatabase>? context = null, Action<EventBusBuilder>? bus = null)
    {
        var database = await databases.CreateAsync<ShopContext>();
        var service = TestService.Build(
            "shop",
            new Dictionary<string, string?>
            {
                // Nobody listens there, and with both roles off nobody asks.
                ["EventBus:BootstrapServers"] = "127.0.0.1:1",
                ["EventBus:Relay:Enabled"] = "false",
                ["EventBus:Consumers:Enabled"] = "false",
            },
            services =>
            {
                if (context is null)
                {
                    services.AddDbContext<ShopContext>(options => database.Configure(options));
                }
                else
                {
                    context(services, database);
                }

                services.AddCuckooEventBus(b => b.UseOutbox<ShopContext>());
                services.AddCuckooEventBus(bus);
            });
        await service.StartAsync();
        return new Shop(database, service);
    }

    /// <summary>A shop that has an order already, so that another one of this id fails.</summary>
    public static async Task<Shop> WithOrderAsync(DatabaseFixture databases, string id)
    {
        var shop = await OpenAsync(databases);
        await using var db = shop.Database.CreateContext<ShopContext>();
        db.Orders.Add(new Order { Id = id });
        await db.SaveChangesAsync();
        return shop;
    }

    /// <summary>A request: a scope with its context and its publisher.</summary>
    public Task RequestAsync(Func<ShopContext, IEventPublisher, Task> work) =>
        Service.InScopeAsync(scope => work(scope.GetRequiredService<ShopContext>(), scope.GetRequiredService<IEventPublisher>()));

    /// <summary>Publishes orders of the key "a"; returns its lane.</summary>
    public async Task<short> PublishAsync(params int[] numbers)
    {
        await RequestAsync(async (db, events) =>
        {
            await events.PublishBatchAsync(numbers.Select(number => new OrderPlaced("a", number)));
            await db.SaveChangesAsync();
        });
        return (await OutboxAsync())[^1].Lane;
    }

    /// <summary>The committed rows of the outbox, by id.</summary>
    public Task<List<OutboxMessage>> OutboxAsync() =>
        Database.AskAsync<ShopContext, List<OutboxMessage>>(db => db.Set<OutboxMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    /// <summary>The committed events of orders, by their numbers.</summary>
    public async Task<IReadOnlyList<int>> PublishedAsync() =>
        [.. (await OutboxAsync()).Select(m => System.Text.Json.JsonDocument.Parse(m.Payload).RootElement.GetProperty("number").GetInt32())];

    /// <summary>The committed orders' ids.</summary>
    public async Task<IReadOnlyList<string>> OrdersAsync() =>
        [.. await Database.AskAsync<ShopContext, List<string>>(db => db.Orders.Select(o => o.Id).Order().ToListAsync())];

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        await Database.DisposeAsync();
    }
}
