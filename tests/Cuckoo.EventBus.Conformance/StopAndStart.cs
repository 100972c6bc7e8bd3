using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cuckoo.EventBus.Conformance;

/// <summary>A host that starts and stops.</summary>
public abstract class StopAndStart(Pair pair)
{
    [Fact]
    public async Task A_service_goes_on_where_it_stopped()
    {
        await using var shop = await pair.OpenAsync();
        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.EventuallyNumbersAsync(1);

        await shop.Service.StopAsync();
        await shop.SendAsync(new OrderPlaced("a", 2));
        await shop.RestartAsync();

        await shop.EventuallyNumbersAsync(1, 2);
        Assert.Equal([2], shop.Script.Seen.Select(h => h.Number));
    }

    [Fact]
    public async Task A_stop_lets_running_handlers_finish()
    {
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            running.TrySetResult();
            await finish.Task.WaitAsync(h.Ct);
        });
        await shop.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Ends(running.Task);

        var stop = shop.Service.StopAsync();
        finish.SetResult();
        await Eventually.Ends(stop);

        Assert.Equal([1], await shop.NumbersAsync());
    }

    [Fact]
    public async Task A_stop_cancels_handlers_after_its_limit_which_is_no_failure_of_theirs()
    {
        var running = new TaskCompletionSource();
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Attempts = 1),
            new() { ["EventBus:StopTimeout"] = "00:00:00.200" },
            script => script[Warehouse.Ship] = async h =>
            {
                h.AddEffect();
                running.TrySetResult();
                await Task.Delay(Timeout.Infinite, h.Ct);
            });
        await shop.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Ends(running.Task);

        await Eventually.Ends(shop.Service.StopAsync());
        Assert.Empty(await shop.NumbersAsync());
        await shop.RestartAsync();

        await shop.EventuallyNumbersAsync(1);
        Assert.Equal([(1, 1)], shop.Script.Calls());
        Assert.Empty(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task What_stands_in_the_outbox_when_a_service_starts_is_sent()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { ["EventBus:Relay:Enabled"] = "false" });
        await shop.PublishAsync([.. Enumerable.Range(1, 20).Select(n => new OrderPlaced("a", n))]);
        Assert.Equal(20, await shop.Database.AskAsync<ShopContext, int>(db => db.OutboxAsync()));

        await shop.Bus.StartAsync<ShopContext>("relay", shop.Database, b => b.Publishes<OrderPlaced>());

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 20)]);
        Assert.Equal(Enumerable.Range(1, 20), await shop.Bus.NumbersInAsync(Topics.Orders));
    }

    [Fact]
    public async Task A_service_whose_consumers_are_off_takes_no_record()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { ["EventBus:Consumers:Enabled"] = "false" });

        await shop.PublishAsync(new OrderPlaced("a", 1));
        await shop.Bus.ReadAsync(Topics.Orders, 1);
        var other = new Script();
        await shop.Bus.StartAsync<ShopContext>("warehouse", shop.Database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship), services => services.AddSingleton(other));

        await shop.EventuallyNumbersAsync(1);
        Assert.Empty(shop.Script.Seen);
    }

    [Fact]
    public async Task A_bus_that_was_stopped_can_be_started_again()
    {
        await using var shop = await pair.OpenAsync();
        await shop.PublishAsync(new OrderPlaced("a", 1));
        await shop.EventuallyNumbersAsync(1);

        foreach (var hosted in shop.Service.Services.GetServices<IHostedService>())
        {
            await hosted.StopAsync(TestContext.Current.CancellationToken);
            await hosted.StartAsync(TestContext.Current.CancellationToken);
        }

        await shop.PublishAsync(new OrderPlaced("a", 2));
        await shop.EventuallyNumbersAsync(1, 2);
    }

    [Fact]
    public async Task A_bus_can_be_stopped_without_a_start_and_twice()
    {
        await using var shop = await pair.OpenAsync();

        await shop.Service.StopAsync();
        await StopAsync(shop.Service);
        var neverStarted = shop.Bus.Build("mill", services => services.AddCuckooEventBus(b => b.Publishes<OrderPlaced>()));
        await StopAsync(neverStarted);

        static async Task StopAsync(TestService service)
        {
            foreach (var hosted in service.Services.GetServices<IHostedService>())
            {
                await hosted.StopAsync(TestContext.Current.CancellationToken);
            }
        }
    }

    [Fact]
    public async Task A_host_can_be_stopped_twice_and_disposed_at_any_time()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);

        await Build().DisposeAsync();
        var stopped = await StartAsync();
        await stopped.StopAsync();
        foreach (var hosted in stopped.Services.GetServices<IHostedService>())
        {
            await hosted.StopAsync(TestContext.Current.CancellationToken);
        }

        await stopped.DisposeAsync();
        // Its services go before it, and then it is stopped as well.
        var running = await StartAsync();
        await ((IAsyncDisposable)running.Services).DisposeAsync();
        await running.StopAsync();

        TestService Build() => bus.Build("warehouse", services => services
            .AddDbContext<ShopContext>(options => database.Configure(options))
            .AddSingleton(new Script())
            .AddCuckooEventBus(b => b.UseOutbox<ShopContext>().AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship)));

        async Task<TestService> StartAsync()
        {
            var service = Build();
            await service.StartAsync();
            return service;
        }
    }

    [Fact]
    public async Task A_start_names_every_mistake_of_the_configuration_at_once()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);

        var error = await Assert.ThrowsAsync<EventBusConfigurationException>(() => bus.StartAsync<ShopContext>(
            "warehouse",
            database,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship),
            services => services.AddSingleton(new Script()),
            new Dictionary<string, string?> { ["EventBus:Consumers:ship:Concurrency"] = "0", ["EventBus:Consumers:shop:Attempts"] = "3", ["EventBus:Kafka:acks"] = "1" }));

        Assert.Contains("EventBus:Consumers:ship:Concurrency", error.Message, StringComparison.Ordinal);
        Assert.Contains("EventBus:Consumers:shop", error.Message, StringComparison.Ordinal);
        Assert.Contains("EventBus:Kafka:acks", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_start_on_tables_of_an_older_version_is_an_error_that_names_the_missing_column()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        await database.AskAsync<ShopContext, int>(db => db.Database.ExecuteSqlAsync($"ALTER TABLE outbox_lanes DROP COLUMN floor"));

        var error = await Assert.ThrowsAsync<EventBusConfigurationException>(() => bus.StartAsync<ShopContext>("warehouse", database, b => b.Publishes<OrderPlaced>()));

        Assert.Contains("floor", error.Message, StringComparison.Ordinal);
    }
}

public sealed class StopAndStart_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : StopAndStart(pair);

public sealed class StopAndStart_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : StopAndStart(pair);
