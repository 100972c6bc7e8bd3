using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>Saves that something stops or joins between the outbox's part and EF's own.</summary>
public abstract class InterruptedSaveTests(DatabaseFixture databases)
{
    [Fact]
    public async Task Events_survive_a_save_that_another_interceptor_stops()
    {
        var other = new OtherInterceptor();
        await using var shop = await OpenAsync(other);

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            other.Saving = _ => throw new InvalidOperationException("not today");
            await Assert.ThrowsAsync<InvalidOperationException>(() => db.SaveChangesAsync());
            await events.PublishAsync(new OrderPlaced("a", 2));
            other.Saving = null;
            await db.SaveChangesAsync();
        });

        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1, 2], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Events_survive_a_save_that_stops_at_the_detection_of_changes()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "a");

        await shop.RequestAsync(async (db, events) =>
        {
            var order = await db.Orders.SingleAsync();
            await events.PublishAsync(new OrderPlaced("a", 1));
            typeof(Order).GetProperty(nameof(Order.Id))!.SetValue(order, "b");
            await Assert.ThrowsAsync<InvalidOperationException>(() => db.SaveChangesAsync());
            typeof(Order).GetProperty(nameof(Order.Id))!.SetValue(order, "a");
            order.Number = 7;
            await db.SaveChangesAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task An_event_that_another_interceptor_publishes_during_a_save_is_written_with_it()
    {
        var other = new OtherInterceptor();
        await using var shop = await OpenAsync(other);

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            other.Saving = context => context.PublishAsync(new OrderPlaced("a", 2));
            await db.SaveChangesAsync();
        });

        var rows = await shop.OutboxAsync();
        Assert.Equal([1, 2], await shop.PublishedAsync());
        Assert.All(rows, row => Assert.True(row.Id > 0 && row.CreatedAt > DateTime.UnixEpoch));
        Assert.Single(rows.Select(row => row.Lane).Distinct());
    }

    [Fact]
    public async Task What_Clear_took_back_in_a_transaction_can_be_published_again()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var placed = new OrderPlaced("a", 1);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await events.PublishAsync(placed);
            db.ChangeTracker.Clear();
            await events.PublishAsync(placed);
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task What_a_refused_batch_named_can_be_published_afterwards()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var placed = new OrderPlaced("a", 1);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await Assert.ThrowsAsync<EventBusException>(() => events.PublishBatchAsync([placed, new OrderPlaced("a", 2), placed]));
            await events.PublishAsync(placed);
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    private Task<Shop> OpenAsync(OtherInterceptor other) => Shop.OpenAsync(databases, (services, database) =>
    {
        // Registered after the bus, so it runs after the outbox's interceptor.
        services.AddCuckooEventBus(bus => bus.UseOutbox<ShopContext>());
        services.AddDbContext<ShopContext>(options => database.Configure(options));
        services.ConfigureDbContext<ShopContext>(options => options.AddInterceptors(other));
    });

    private sealed class OtherInterceptor : SaveChangesInterceptor
    {
        public Action<DbContext>? Saving { get; set; }

        public override ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            Saving?.Invoke(eventData.Context!);
            return ValueTask.FromResult(result);
        }
    }
}

public sealed class Interrupted_saves_on_PostgreSQL(PostgresFixture databases) : InterruptedSaveTests(databases);

public sealed class Interrupted_saves_on_SQLite(SqliteFixture databases) : InterruptedSaveTests(databases);
