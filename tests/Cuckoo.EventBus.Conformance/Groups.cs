using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Who gets an event, and with what around it.</summary>
public abstract class Groups(Pair pair)
{
    [Fact]
    public async Task Every_service_gets_an_event()
    {
        await using var shop = await pair.OpenAsync();
        var mill = await shop.Bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        await shop.Bus.StartAsync<ShopContext>("mill", mill, b => b.AddConsumer<Scripted<OrderPlaced>>("grind"), services => services.AddSingleton(new Script()));

        await shop.PublishAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(1);
        await Eventually.Equal(1, () => mill.AskAsync<ShopContext, int>(db => db.Effects.CountAsync()));
    }

    [Fact]
    public async Task What_a_handler_publishes_reaches_the_next_service()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h => h.Events.PublishAsync(new OrderShipped("a", h.Number)));
        var mill = await shop.Bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        await shop.Bus.StartAsync<ShopContext>("mill", mill, b => b.AddConsumer<Scripted<OrderShipped>>("grind"), services => services.AddSingleton(new Script()));

        await shop.PublishAsync(new OrderPlaced("a", 7));

        await Eventually.Equal("7", async () => string.Join(' ', await mill.AskAsync<ShopContext, List<int>>(db => db.Effects.Select(e => e.Number).ToListAsync())));
    }

    [Fact]
    public async Task Consumers_of_one_event_in_one_service_each_get_it()
    {
        await using var shop = await pair.OpenAsync(b => b.AddConsumer<Scripted<OrderPlaced>>("bill").AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship));

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(1, 1);
        Assert.Equal(["bill", Warehouse.Ship], (await shop.EffectsAsync()).Select(e => e.Consumer).Order());
    }

    [Fact]
    public async Task A_failure_of_one_consumer_does_not_repeat_the_other()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>("bill", Warehouse.Quick).AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick),
            script: script => script["bill"] = _ => throw new InvalidOperationException());

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal("bill", Assert.Single(await shop.DeadLettersAsync(1)).Consumer);
        await shop.EventuallyNumbersAsync(1);
        Assert.Single(shop.Script.Seen, h => h.Context.Consumer == Warehouse.Ship);
    }

    [Fact]
    public async Task Two_groups_of_one_service_each_get_an_event()
    {
        await using var shop = await pair.OpenAsync(b => b
            .AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship)
            .AddConsumer<Scripted<OrderPlaced>>("audit", o => o.Group = $"audit-{Guid.NewGuid():N}"));

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(1, 1);
    }

    [Fact]
    public async Task A_consumer_of_several_events_gets_each_of_them()
    {
        await using var shop = await pair.OpenAsync(b => b.AddConsumer<Desk>("desk"));

        await shop.PublishAsync(new OrderPlaced("a", 1), new OrderShipped("a", 2));

        await shop.EventuallyNumbersAsync(1, 2);
    }

    [Fact]
    public async Task A_new_group_starts_with_the_earliest_record()
    {
        await using var shop = await pair.OpenAsync(b => b.Publishes<OrderPlaced>());
        await shop.PublishAsync(new OrderPlaced("a", 1), new OrderPlaced("a", 2));
        await shop.Bus.ReadAsync(Topics.Orders, 2);

        var late = await shop.Bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        await shop.Bus.StartAsync<ShopContext>("late", late, b => b.AddConsumer<Scripted<OrderPlaced>>("late"), services => services.AddSingleton(new Script()));

        await Eventually.Equal(2, () => late.AskAsync<ShopContext, int>(db => db.Effects.CountAsync()));
    }

    [Fact]
    public async Task A_new_group_that_starts_at_the_latest_record_leaves_out_the_old_ones()
    {
        await using var shop = await pair.OpenAsync(b => b.Publishes<OrderPlaced>());
        await shop.SendAsync(new OrderPlaced("old", 1), partition: 0);
        var late = await shop.Bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        var script = new Script();

        await shop.Bus.StartAsync<ShopContext>(
            "late", late, b => b.AddConsumer<Scripted<OrderPlaced>>("late", o => o.StartFrom = StartFrom.Latest), services => services.AddSingleton(script));

        // Until the group stands at the end, whatever is sent is before its start.
        await Eventually.True(async () =>
        {
            await shop.SendAsync(new OrderPlaced("new", 2), partition: 0);
            return !script.Seen.IsEmpty;
        });
        Assert.DoesNotContain(script.Seen, h => h.Number == 1);
    }

    [Fact]
    public async Task The_context_says_where_an_event_comes_from()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);

        var (partition, offset) = await shop.SendAsync(placed, headers: new EventHeaders { { "x-tenant", "north" } });

        await shop.EventuallyNumbersAsync(1);
        var context = Assert.Single(shop.Script.Seen).Context;
        Assert.Equal((placed.EventId.ToString(), "order.placed", "shop", "a"), (context.EventId, context.EventType, context.Source, context.Key));
        Assert.Equal((shop.Bus.Prefix + Topics.Orders, partition, offset), (context.Topic, context.Partition, context.Offset));
        Assert.Equal((Warehouse.Ship, shop.Service.Name, 1, 0), (context.Consumer, context.Group, context.Attempt, context.ReplayCount));
        Assert.Equal("north", context.Headers["x-tenant"]);
        Assert.Equal(Assert.Single(await shop.Bus.ReadAsync(Topics.Orders)).Timestamp, context.Timestamp);
    }

    [Fact]
    public async Task The_event_has_the_id_and_the_time_it_was_published_with()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);

        await shop.PublishAsync(placed);

        await shop.EventuallyNumbersAsync(1);
        var seen = Assert.IsType<OrderPlaced>(Assert.Single(shop.Script.Seen).Event);
        Assert.Equal((placed.EventId, placed.OccurredAt), (seen.EventId, seen.OccurredAt));
    }

    [Fact]
    public async Task Hooks_run_around_each_attempt_and_may_leave_an_event_out()
    {
        var steps = new List<string>();
        await using var shop = await pair.OpenAsync(b => b
            .OnConsume((context, next) =>
            {
                steps.Add($"{context.Headers["x-number"]}");
                return context.Headers.Contains("x-skip") ? Task.CompletedTask : next();
            })
            .AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));

        await shop.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "x-number", "1" }, { "x-skip", "1" } });
        await shop.SendAsync(new OrderPlaced("a", 2), headers: new EventHeaders { { "x-number", "2" } });

        await shop.EventuallyNumbersAsync(2);
        Assert.Equal(["1", "2"], steps);
    }

    [Fact]
    public async Task What_a_hook_keeps_in_ambient_state_reaches_the_handler_and_what_it_publishes()
    {
        var tenant = new AsyncLocal<string?>();
        await using var shop = await pair.OpenAsync(
            b => b
                .OnConsume((context, next) =>
                {
                    tenant.Value = context.Headers["x-tenant"];
                    return next();
                })
                .OnPublish(headers => headers.Add("x-tenant", tenant.Value ?? "nobody"))
                .AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship),
            script: script => script[Warehouse.Ship] = h => h.Events.PublishAsync(new OrderShipped("a", 1)));

        await shop.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "x-tenant", "north" } });

        Assert.Equal("north", Assert.Single(await shop.Bus.ReadAsync(Topics.Shipping, 1)).Headers["x-tenant"]);
    }

    [Fact]
    public async Task A_consumer_without_transaction_keeps_what_it_saved_itself_when_it_fails()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
            {
                o.Transaction = ConsumerTransaction.None;
                Warehouse.Quick(o);
            }),
            script: script => script[Warehouse.Ship] = async h =>
            {
                h.AddEffect();
                await h.Db.SaveChangesAsync();
                if (h.Context.Attempt == 1)
                {
                    throw new InvalidOperationException("the answer was lost");
                }
            });

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(1, 1);
        Assert.Equal([1, 2], shop.Script.Seen.Select(h => h.Context.Attempt));
    }

    [Fact]
    public async Task A_service_without_a_database_handles_a_repeat_again_and_says_so_in_its_log()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var script = new Script { [Warehouse.Ship] = _ => Task.CompletedTask };
        var service = bus.Build("mail", services => services.AddSingleton(script).AddCuckooEventBus(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship)));
        await service.StartAsync();
        var placed = new OrderPlaced("a", 1);

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(placed);
        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(placed);

        await Eventually.Equal(2, () => script.Seen.Count);
        Assert.Single(service.Log.Entries, e => e.Level == LogLevel.Warning && e.Message.Contains("at least once", StringComparison.Ordinal));
    }

    private sealed class Desk(Script script, IServiceProvider scope) : IEventConsumer<OrderPlaced>, IEventConsumer<OrderShipped>
    {
        public Task ConsumeAsync(OrderPlaced @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));

        public Task ConsumeAsync(OrderShipped @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));
    }
}

public sealed class Groups_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Groups(pair);

public sealed class Groups_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Groups(pair);
