using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Conformance;

/// <summary>From a transaction of the service to the topic.</summary>
public abstract class Publishing(Pair pair)
{
    [Fact]
    public async Task An_event_committed_with_its_data_reaches_its_topic_once()
    {
        await using var shop = await pair.OpenAsync();

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
        });

        await shop.EventuallyNumbersAsync(1);
        await Eventually.Equal(0, () => shop.Database.AskAsync<ShopContext, int>(db => db.OutboxAsync()));
        Assert.Equal([1], await shop.Bus.NumbersInAsync(Topics.Orders));
    }

    [Fact]
    public async Task A_transaction_that_rolls_back_publishes_nothing()
    {
        await using var shop = await pair.OpenAsync();

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            await transaction.RollbackAsync();
        });
        await shop.PublishAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(2);
        Assert.Equal([2], await shop.Bus.NumbersInAsync(Topics.Orders));
    }

    [Fact]
    public async Task A_savepoint_that_is_rolled_back_takes_its_events_with_it()
    {
        await using var shop = await pair.OpenAsync();

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            await transaction.CreateSavepointAsync("here");
            await events.PublishAsync(new OrderPlaced("a", 2));
            await db.SaveChangesAsync();
            await transaction.RollbackToSavepointAsync("here");
            await events.PublishAsync(new OrderPlaced("a", 3));
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Equal([1, 3], await shop.Bus.NumbersInAsync(Topics.Orders, 2));
    }

    [Fact]
    public async Task Events_that_an_entity_raises_are_published_with_its_state_in_their_order()
    {
        await using var shop = await pair.OpenAsync();
        var order = new Order { Id = "a" };
        order.Raise(new OrderPlaced("a", 1));
        order.Raise(new OrderPlaced("a", 2));

        await shop.RequestAsync(async (db, _) =>
        {
            db.Orders.Add(order);
            await db.SaveChangesAsync();
        });

        Assert.Empty(order.DomainEvents);
        Assert.Equal([1, 2], await shop.Bus.NumbersInAsync(Topics.Orders, 2));
    }

    [Fact]
    public async Task A_failed_save_publishes_nothing_and_keeps_what_entities_raised()
    {
        await using var shop = await pair.OpenAsync();
        await shop.RequestAsync(async (db, _) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await db.SaveChangesAsync();
        });
        var again = new Order { Id = "a" };
        again.Raise(new OrderPlaced("a", 1));

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(again);
            await events.PublishAsync(new OrderPlaced("a", 2));
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());
            db.ChangeTracker.Clear();
            await events.PublishAsync(new OrderPlaced("a", 3));
            await db.SaveChangesAsync();
        });

        Assert.Single(again.DomainEvents);
        Assert.Equal([3], await shop.Bus.NumbersInAsync(Topics.Orders, 1));
    }

    [Fact]
    public async Task An_event_published_twice_in_one_transaction_is_refused()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);

        await shop.RequestAsync(async (_, events) =>
        {
            await events.PublishAsync(placed);
            await Assert.ThrowsAsync<EventBusException>(() => events.PublishAsync(placed));
        });
    }

    [Fact]
    public async Task A_copy_by_with_is_an_event_of_its_own()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);

        await shop.PublishAsync(placed, placed with { Number = 2 });

        await shop.EventuallyNumbersAsync(1, 2);
    }

    [Fact]
    public async Task What_changes_after_the_call_does_not_travel()
    {
        await using var shop = await pair.OpenAsync(b => b.Map<Parcel>(m => (m.Name, m.Topic) = ("parcel", Topics.Orders)));
        var parcel = new Parcel { Number = 1 };

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(parcel);
            parcel.Number = 2;
            await db.SaveChangesAsync();
        });

        Assert.Equal([1], await shop.Bus.NumbersInAsync(Topics.Orders, 1));
    }

    [Fact]
    public async Task An_event_larger_than_its_topic_allows_is_refused_at_the_call()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { [$"EventBus:Topics:{Topics.Orders}:MaxMessageBytes"] = "2000" });

        await shop.RequestAsync((_, events) => Assert.ThrowsAsync<EventBusException>(
            () => events.PublishAsync(new OrderPlaced("a", 1) { Note = new string('x', 3000) })));
    }

    [Fact]
    public async Task A_batch_with_an_event_that_is_refused_publishes_none_of_them()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { [$"EventBus:Topics:{Topics.Orders}:MaxMessageBytes"] = "2000" });

        await shop.RequestAsync(async (db, events) =>
        {
            await Assert.ThrowsAsync<EventBusException>(
                () => events.PublishBatchAsync([new OrderPlaced("a", 1), new OrderPlaced("a", 2) { Note = new string('x', 3000) }]));
            await events.PublishAsync(new OrderPlaced("a", 3));
            await db.SaveChangesAsync();
        });

        Assert.Equal([3], await shop.Bus.NumbersInAsync(Topics.Orders, 1));
    }

    [Fact]
    public async Task The_value_is_the_events_JSON_and_its_envelope_stands_in_headers()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1) { OccurredAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero) };

        await shop.PublishAsync(placed);

        var record = Assert.Single(await shop.Bus.ReadAsync(Topics.Orders, 1));
        Assert.Equal(["note", "number", "occurredAt", "orderId"], record.Json.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        Assert.Equal(
            [("ce_id", placed.EventId.ToString()), ("ce_source", shop.Service.Name), ("ce_specversion", "1.0"), ("ce_type", "order.placed")],
            record.Headers.Where(h => h.Key.StartsWith("ce_", StringComparison.Ordinal)).Select(h => (h.Key, Encoding.UTF8.GetString(h.Value!))).Order());
        Assert.Equal("a", record.KeyText);
    }

    [Fact]
    public async Task One_call_can_choose_the_key_and_headers()
    {
        await using var shop = await pair.OpenAsync();

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1), new PublishOptions { Key = "b", Headers = new EventHeaders { { "x-tenant", "north" } } });
            await db.SaveChangesAsync();
        });

        var record = Assert.Single(await shop.Bus.ReadAsync(Topics.Orders, 1));
        Assert.Equal(("b", "north"), (record.KeyText, record.Headers["x-tenant"]));
    }

    [Fact]
    public async Task A_header_of_the_buss_own_cannot_be_set()
    {
        await using var shop = await pair.OpenAsync();

        await shop.RequestAsync((_, events) => Assert.ThrowsAnyAsync<EventBusException>(
            () => events.PublishAsync(new OrderPlaced("a", 1), new PublishOptions { Headers = new EventHeaders { { "ce_id", "mine" } } })));
    }

    [Fact]
    public async Task A_delayed_event_arrives_no_earlier_than_it_is_due_and_holds_nobody_back()
    {
        await using var shop = await pair.OpenAsync();
        var due = DateTimeOffset.UtcNow.AddSeconds(1.5);

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1), new PublishOptions { DeliverAt = due });
            await events.PublishAsync(new OrderPlaced("a", 2));
            await db.SaveChangesAsync();
        });

        await shop.EventuallyNumbersAsync(1, 2);
        // The database's clock decides, and it counts in whole milliseconds on SQLite.
        Assert.True(DateTimeOffset.UtcNow >= due.AddMilliseconds(-5));
        Assert.Equal([2, 1], await shop.NumbersAsync());
    }

    [Fact]
    public async Task A_delayed_event_that_is_cancelled_never_arrives()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);
        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(placed, new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddSeconds(2) });
            await events.PublishAsync(new OrderPlaced("a", 2), new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddSeconds(2.2) });
            await db.SaveChangesAsync();
        });

        await shop.RequestAsync(async (db, _) =>
        {
            Assert.True(await db.CancelScheduledAsync(placed.EventId.ToString()));
            await db.SaveChangesAsync();
        });

        await shop.EventuallyNumbersAsync(2);
        Assert.Equal([2], await shop.Bus.NumbersInAsync(Topics.Orders));
    }

    [Fact]
    public async Task A_direct_publish_is_in_its_topic_when_it_returns()
    {
        await using var shop = await pair.OpenAsync();

        await shop.Service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(new OrderPlaced("a", 1));

        Assert.Equal([1], await shop.Bus.NumbersInAsync(Topics.Orders));
    }

    [Fact]
    public async Task A_pooled_context_does_not_publish_what_a_failed_request_before_it_staged()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        var service = bus.Build("shop", services => services
            .AddDbContextPool<ShopContext>(options => database.Configure(options), poolSize: 1)
            .AddCuckooEventBus(b => b.UseOutbox<ShopContext>().Publishes<OrderPlaced>()));
        await service.StartAsync();

        await service.InScopeAsync(scope => scope.GetRequiredService<ShopContext>().PublishAsync(new OrderPlaced("a", 1)));
        await service.InScopeAsync(async scope =>
        {
            var db = scope.GetRequiredService<ShopContext>();
            await db.PublishAsync(new OrderPlaced("a", 2));
            await db.SaveChangesAsync();
        });

        Assert.Equal([2], await bus.NumbersInAsync(Topics.Orders, 1));
    }

    [Fact]
    public async Task An_event_that_nobody_saves_is_an_error_in_the_log_that_names_it()
    {
        await using var shop = await pair.OpenAsync();

        await shop.RequestAsync((_, events) => events.PublishAsync(new OrderPlaced("a", 1)));

        Assert.Contains(shop.Service.Log.Entries, e => e.Level == LogLevel.Error && e.Message.Contains("order.placed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_ambient_transaction_scope_is_refused()
    {
        await using var shop = await pair.OpenAsync();

        await shop.RequestAsync(async (_, events) =>
        {
            using var scope = new System.Transactions.TransactionScope(System.Transactions.TransactionScopeAsyncFlowOption.Enabled);
            await Assert.ThrowsAsync<EventBusException>(() => events.PublishAsync(new OrderPlaced("a", 1)));
        });
    }

    private sealed class Parcel
    {
        public int Number { get; set; }
    }
}

public sealed class Publishing_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Publishing(pair);

public sealed class Publishing_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Publishing(pair);
