using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>The ways in which users register their contexts.</summary>
public abstract class ContextRegistrationTests(DatabaseFixture databases)
{
    [Fact]
    public async Task A_pooled_context_writes_its_events()
    {
        await using var shop = await PooledAsync();

        foreach (var number in Enumerable.Range(1, 3))
        {
            await shop.RequestAsync(async (db, events) =>
            {
                await events.PublishAsync(new OrderPlaced("a", number));
                await db.SaveChangesAsync();
            });
        }

        Assert.Equal([1, 2, 3], await shop.PublishedAsync());
    }

    [Fact]
    public async Task An_event_that_was_never_saved_is_not_published_by_the_next_user_of_a_pooled_context()
    {
        await using var shop = await PooledAsync();
        var contexts = new List<DbContext>();

        await shop.RequestAsync(async (db, events) =>
        {
            contexts.Add(db);
            await events.PublishAsync(new OrderPlaced("a", 1));
        });
        await shop.RequestAsync(async (db, events) =>
        {
            contexts.Add(db);
            await events.PublishAsync(new OrderPlaced("b", 2));
            await db.SaveChangesAsync();
        });

        Assert.Same(contexts[0], contexts[1]);
        Assert.Equal([2], await shop.PublishedAsync());
    }

    [Fact]
    public async Task An_event_whose_save_failed_is_not_published_by_the_next_user_of_a_pooled_context()
    {
        await using var shop = await PooledAsync();
        await shop.RequestAsync(async (db, _) =>
        {
            db.Orders.Add(new Order { Id = "taken" });
            await db.SaveChangesAsync();
        });

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "taken" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());
        });
        await shop.RequestAsync(async (db, _) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            db.Orders.Add(new Order { Id = "free" });
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Equal(["free", "taken"], await shop.OrdersAsync());
        Assert.Empty(await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_context_from_a_factory_writes_its_events(bool pooled)
    {
        await using var shop = await Shop.OpenAsync(databases, (services, database) => _ = pooled
            ? services.AddPooledDbContextFactory<ShopContext>(options => database.Configure(options))
            : services.AddDbContextFactory<ShopContext>(options => database.Configure(options)));
        var factory = shop.Service.Services.GetRequiredService<IDbContextFactory<ShopContext>>();

        await using (var db = await factory.CreateDbContextAsync())
        {
            db.Orders.Add(new Order { Id = "a" });
            await db.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
        }

        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_context_that_is_registered_after_the_bus_writes_its_events()
    {
        await using var database = await databases.CreateAsync<ShopContext>();
        await using var service = TestService.Build("shop", Offline, services =>
        {
            services.AddCuckooEventBus(bus => bus.UseOutbox<ShopContext>());
            services.AddDbContext<ShopContext>(options => database.Configure(options));
        });

        await service.InScopeAsync(async scope =>
        {
            await scope.GetRequiredService<IEventPublisher>().PublishAsync(new OrderPlaced("a", 1));
            await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
        });

        Assert.Equal(1, await database.AskAsync<ShopContext, int>(db => db.Set<EventBus.Outbox.OutboxMessage>().CountAsync()));
    }

    [Fact]
    public async Task Under_a_retrying_strategy_a_bare_save_writes_its_events()
    {
        await using var shop = await RetryingAsync();

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            await events.PublishAsync(new OrderPlaced("a", 2));
            await db.SaveChangesAsync();
        });

        Assert.Equal([1, 2], await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Under_a_retrying_strategy_a_save_whose_commit_fails_at_first_writes_its_events_once(bool synchronous)
    {
        var trouble = new CommitTrouble { Failures = 1 };
        await using var shop = await RetryingAsync(trouble);

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            _ = synchronous ? db.SaveChanges() : await db.SaveChangesAsync();
        });

        Assert.Equal(0, trouble.Failures);
        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Under_a_retrying_strategy_a_save_of_events_alone_whose_commit_fails_at_first_writes_them_once()
    {
        var trouble = new CommitTrouble { Failures = 1 };
        await using var shop = await RetryingAsync(trouble);

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
        });

        Assert.Equal(0, trouble.Failures);
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Under_a_retrying_strategy_a_transaction_tried_again_writes_its_events_once()
    {
        await using var shop = await RetryingAsync();
        var placed = new OrderPlaced("a", 1);
        var attempts = 0;

        await shop.RequestAsync(async (db, events) => await db.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
        {
            db.ChangeTracker.Clear();
            await using var transaction = await db.Database.BeginTransactionAsync();
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(placed);
            await db.SaveChangesAsync();
            if (++attempts == 1)
            {
                throw new TimeoutException("the database's own trouble");
            }

            await transaction.CommitAsync();
        }));

        Assert.Equal(2, attempts);
        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    /// <summary>EF Core's own advice for commits of unknown outcome: changes are accepted only after the transaction.</summary>
    [Fact]
    public async Task A_save_without_acceptance_writes_its_events_again_when_its_transaction_is_tried_again()
    {
        var trouble = new CommitTrouble { Failures = 1 };
        await using var shop = await RetryingAsync(trouble);

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.Database.CreateExecutionStrategy().ExecuteInTransactionAsync(
                db,
                static (context, ct) => context.SaveChangesAsync(acceptAllChangesOnSuccess: false, ct),
                static (context, ct) => context.Orders.AsNoTracking().AnyAsync(o => o.Id == "a", ct));
            db.ChangeTracker.AcceptAllChanges();
            await db.SaveChangesAsync();
        });

        Assert.Equal(0, trouble.Failures);
        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_save_of_events_alone_without_acceptance_writes_them_again_when_its_transaction_is_tried_again()
    {
        var trouble = new CommitTrouble { Failures = 1 };
        await using var shop = await RetryingAsync(trouble);

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.Database.CreateExecutionStrategy().ExecuteInTransactionAsync(
                db,
                static (context, ct) => context.SaveChangesAsync(acceptAllChangesOnSuccess: false, ct),
                static (_, _) => Task.FromResult(false));
            db.ChangeTracker.AcceptAllChanges();
            await db.SaveChangesAsync();
        });

        Assert.Equal(0, trouble.Failures);
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_service_with_two_outboxes_publishes_on_the_contexts_and_not_by_IEventPublisher()
    {
        await using var shopDatabase = await databases.CreateAsync<ShopContext>();
        await using var billingDatabase = await databases.CreateAsync<BillingContext>();
        await using var service = TestService.Build("shop", Offline, services =>
        {
            services.AddDbContext<ShopContext>(options => shopDatabase.Configure(options));
            services.AddDbContext<BillingContext>(options => billingDatabase.Configure(options));
            services.AddCuckooEventBus(bus => bus.UseOutbox<ShopContext>().UseOutbox<BillingContext>());
        });
        await service.StartAsync();

        await service.InScopeAsync(async scope =>
        {
            var refused = Assert.Throws<EventBusException>(scope.GetRequiredService<IEventPublisher>);
            Assert.Contains("db.PublishAsync", refused.Message, StringComparison.Ordinal);

            var shop = scope.GetRequiredService<ShopContext>();
            var billing = scope.GetRequiredService<BillingContext>();
            await shop.PublishAsync(new OrderPlaced("a", 1));
            await billing.PublishAsync(new OrderShipped("b", 2));
            await shop.SaveChangesAsync();
            await billing.SaveChangesAsync();
        });

        Assert.Equal("order.placed", await shopDatabase.AskAsync<ShopContext, string>(db => db.Set<EventBus.Outbox.OutboxMessage>().Select(m => m.Type).SingleAsync()));
        Assert.Equal("order.shipped", await billingDatabase.AskAsync<BillingContext, string>(db => db.Set<EventBus.Outbox.OutboxMessage>().Select(m => m.Type).SingleAsync()));
    }

    [Fact]
    public async Task A_context_without_the_tables_in_its_model_is_an_error_at_start()
    {
        await using var database = await databases.CreateEmptyAsync();
        await using var service = TestService.Build("shop", Offline, services =>
        {
            services.AddDbContext<BareContext>(options => database.Configure(options));
            services.AddCuckooEventBus(bus => bus.UseOutbox<BareContext>());
        });

        var error = await Assert.ThrowsAsync<EventBusConfigurationException>(service.StartAsync);

        Assert.Contains("Call model.AddEventBus() in BareContext.OnModelCreating", Assert.Single(error.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provider_that_the_outbox_does_not_know_is_an_error_at_start()
    {
        await using var database = await databases.CreateAsync<ShopContext>();
        await using var service = TestService.Build("shop", Offline, services =>
        {
            services.AddDbContext<ShopContext>(options =>
            {
                database.Configure(options);
                options.ReplaceService<IDatabaseProvider, OtherProvider>();
            });
            services.AddCuckooEventBus(bus => bus.UseOutbox<ShopContext>());
        });

        var error = await Assert.ThrowsAsync<EventBusConfigurationException>(service.StartAsync);

        Assert.Contains("ShopContext uses Some.Other.Provider", Assert.Single(error.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_a_pooled_lease_logs_what_was_never_saved()
    {
        await using var shop = await PooledAsync();

        await shop.RequestAsync(async (_, events) => await events.PublishAsync(new OrderPlaced("a", 1)));

        Assert.Contains("order.placed", Assert.Single(shop.Service.Log.Entries, e => e.Level == LogLevel.Error).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, string?> Offline => new()
    {
        ["EventBus:BootstrapServers"] = "127.0.0.1:1",
        ["EventBus:Relay:Enabled"] = "false",
    };

    private Task<Shop> PooledAsync() => Shop.OpenAsync(
        databases, (services, database) => services.AddDbContextPool<ShopContext>(options => database.Configure(options), poolSize: 1));

    private Task<Shop> RetryingAsync(CommitTrouble? trouble = null) => Shop.OpenAsync(databases, (services, database) => services.AddDbContext<ShopContext>(options =>
    {
        database.Configure(options, retrying: true);
        if (trouble is not null)
        {
            // Comes after the bus's own interceptor or before it: neither may matter.
            options.AddInterceptors(trouble);
        }
    }));

    private sealed class BareContext(DbContextOptions<BareContext> options) : DbContext(options);

    private sealed class OtherProvider : IDatabaseProvider
    {
        public string Name => "Some.Other.Provider";

        public string Version => "1.0";

        public bool IsConfigured(IDbContextOptions options) => true;
    }
}

public sealed class Context_registration_on_PostgreSQL(PostgresFixture databases) : ContextRegistrationTests(databases);

public sealed class Context_registration_on_SQLite(SqliteFixture databases) : ContextRegistrationTests(databases);
