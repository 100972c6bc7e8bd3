using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Attempts in the record's lane.</summary>
public abstract class Retries(Pair pair)
{
    [Fact]
    public async Task A_failing_record_is_tried_again_and_succeeds_once()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            return h.Context.Attempt < 3 ? throw new InvalidOperationException() : Task.CompletedTask;
        });

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(1);
        Assert.Equal([(1, 1), (1, 2), (1, 3)], shop.Script.Calls());
        Assert.Empty(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task Each_attempt_has_a_scope_of_its_own()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h => h.Context.Attempt < 3 ? throw new InvalidOperationException() : Task.CompletedTask);

        await shop.SendAsync(new OrderPlaced("a", 1));

        await Eventually.Equal(3, () => shop.Script.Seen.Select(h => h.Scope).Distinct().Count());
    }

    [Fact]
    public async Task Each_attempt_sees_the_event_as_it_came()
    {
        await using var shop = await pair.OpenAsync(
            b => b.Map<Parcel>(m => (m.Name, m.Topic) = ("order.placed", Topics.Orders)).AddConsumer<Scripted<Parcel>>(Warehouse.Ship, Warehouse.Quick),
            script: script => script[Warehouse.Ship] = h =>
            {
                var seen = ((Parcel)h.Event).Number++;
                h.Db.Effects.Add(new Effect { Consumer = Warehouse.Ship, EventId = h.Context.EventId, Number = seen });
                return h.Context.Attempt < 2 ? throw new InvalidOperationException() : Task.CompletedTask;
            });

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(1);
    }

    [Fact]
    public async Task After_its_last_attempt_a_record_is_a_dead_letter_and_its_key_goes_on()
    {
        await using var shop = await pair.OpenAsync(script: FailFirst);

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(2);
        Assert.Equal(3, Assert.Single(await shop.DeadLettersAsync()).Attempts);
        Assert.Equal([(1, 1), (1, 2), (1, 3), (2, 1)], shop.Script.Calls());
    }

    [Fact]
    public async Task Configuration_sets_the_attempts_of_one_consumer()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship).AddConsumer<Scripted<OrderPlaced>>("bill", Warehouse.Quick),
            new() { ["EventBus:Consumers:ship:Attempts"] = "2", ["EventBus:Consumers:ship:RetryDelay"] = "00:00:00.005" },
            script => script[Warehouse.Ship] = script["bill"] = _ => throw new InvalidOperationException());

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal([("bill", 3), ("ship", 2)], (await shop.DeadLettersAsync(2)).Select(d => (d.Consumer, d.Attempts)).Order());
    }

    [Fact]
    public async Task Configuration_sets_the_attempts_of_all_consumers_and_code_that_of_one()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship).AddConsumer<Scripted<OrderPlaced>>("bill", o => o.Attempts = 2),
            new() { ["EventBus:ConsumerDefaults:Attempts"] = "1", ["EventBus:ConsumerDefaults:RetryDelay"] = "00:00:00.005" },
            script => script[Warehouse.Ship] = script["bill"] = _ => throw new InvalidOperationException());

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal([("bill", 2), ("ship", 1)], (await shop.DeadLettersAsync(2)).Select(d => (d.Consumer, d.Attempts)).Order());
    }

    [Fact]
    public async Task A_rejected_exception_and_those_derived_from_it_end_a_record_at_once()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Reject<ArgumentException>()),
            script: script => script[Warehouse.Ship] = h => throw new ArgumentOutOfRangeException(h.Context.Key));

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal(1, Assert.Single(await shop.DeadLettersAsync(1)).Attempts);
        Assert.Single(shop.Script.Seen);
    }

    [Fact]
    public async Task An_attempt_that_takes_too_long_is_cancelled_and_has_failed()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
            {
                (o.AttemptTimeout, o.Attempts) = (TimeSpan.FromMilliseconds(150), 2);
                Warehouse.Quick(o);
            }),
            script: script => script[Warehouse.Ship] = h => Task.Delay(Timeout.Infinite, h.Ct));

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal(2, Assert.Single(await shop.DeadLettersAsync(1)).Attempts);
        Assert.All(shop.Script.Seen, h => Assert.True(h.Ct.IsCancellationRequested));
    }

    [Fact]
    public async Task A_statement_of_the_handlers_own_that_always_fails_ends_as_a_dead_letter()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            if (h.Number == 1)
            {
                await h.Db.Database.ExecuteSqlAsync($"SELECT nothing FROM nowhere");
            }
        });

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(2);
        Assert.Equal(3, Assert.Single(await shop.DeadLettersAsync()).Attempts);
    }

    [Fact]
    public async Task A_change_that_the_database_refuses_ends_as_a_dead_letter()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            if (h.Number < 3)
            {
                h.Db.Orders.Add(new Order { Id = "the same" });
            }

            return Task.CompletedTask;
        });

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(new OrderPlaced("a", 2));
        await shop.SendAsync(new OrderPlaced("a", 3));

        await shop.EventuallyNumbersAsync(1, 3);
        Assert.Equal(3, Assert.Single(await shop.DeadLettersAsync()).Attempts);
    }

    [Fact]
    public async Task A_strategy_of_EFs_that_retries_does_not_multiply_attempts()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        var script = new Script { [Warehouse.Ship] = _ => throw new TimeoutException("someone else's") };
        var service = bus.Build("warehouse", services => services
            .AddDbContext<ShopContext>(options => database.Configure(options, retrying: true))
            .AddSingleton(script)
            .AddCuckooEventBus(b => b.UseOutbox<ShopContext>().AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick)));
        await service.StartAsync();

        await bus.ProduceAsync(Topics.Orders, null, """{"orderId":"a","number":1}"""u8.ToArray(), Warehouse.HeadersOf("1", "shop", null));

        Assert.Single(await bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Equal([(1, 1), (1, 2), (1, 3)], script.Calls());
    }

    private static void FailFirst(Script script) => script[Warehouse.Ship] = h =>
    {
        h.AddEffect();
        return h.Number == 1 ? throw new InvalidOperationException() : Task.CompletedTask;
    };

    private sealed class Parcel
    {
        public int Number { get; set; }
    }
}

public sealed class Retries_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Retries(pair);

public sealed class Retries_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Retries(pair);
