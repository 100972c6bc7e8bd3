using System.Text;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>What stands in the outbox after a request: a service without relay, and its table.</summary>
public abstract class OutboxWritingTests(DatabaseFixture databases)
{
    [Fact]
    public async Task An_event_commits_with_the_change_it_belongs_to()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
        });

        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task An_event_commits_with_a_synchronous_save()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync((db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            _ = events.PublishAsync(new OrderPlaced("a", 1));
            db.SaveChanges();
            return Task.CompletedTask;
        });

        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_rolled_back_transaction_leaves_no_event(bool synchronous)
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            if (synchronous)
            {
                db.SaveChanges();
                transaction.Rollback();
            }
            else
            {
                await db.SaveChangesAsync();
                await transaction.RollbackAsync();
            }
        });

        Assert.Empty(await shop.OrdersAsync());
        Assert.Empty(await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_transaction_that_is_disposed_without_commit_leaves_no_event()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await using (await db.Database.BeginTransactionAsync())
            {
                await events.PublishAsync(new OrderPlaced("a", 1));
                await db.SaveChangesAsync();
            }

            db.Orders.Add(new Order { Id = "b" });
            await db.SaveChangesAsync();
        });

        Assert.Equal(["b"], await shop.OrdersAsync());
        Assert.Empty(await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_save_of_events_alone_writes_them(bool synchronous)
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1));
            await events.PublishAsync(new OrderPlaced("a", 2));
            _ = synchronous ? db.SaveChanges() : await db.SaveChangesAsync();
        });

        Assert.Equal([1, 2], await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Several_saves_of_one_transaction_write_their_events_in_order_and_at_its_commit(bool synchronous)
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            foreach (var number in Enumerable.Range(1, 3))
            {
                db.Orders.Add(new Order { Id = $"{number}" });
                await events.PublishAsync(new OrderPlaced("a", number));
                _ = synchronous ? db.SaveChanges() : await db.SaveChangesAsync();
            }

            Assert.Empty(await shop.OutboxAsync());
            if (synchronous)
            {
                transaction.Commit();
            }
            else
            {
                await transaction.CommitAsync();
            }
        });

        Assert.Equal(["1", "2", "3"], await shop.OrdersAsync());
        Assert.Equal([1, 2, 3], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_rollback_to_a_savepoint_takes_back_the_events_saved_since()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();

            await transaction.CreateSavepointAsync("before");
            db.Orders.Add(new Order { Id = "withdrawn" });
            await events.PublishAsync(new OrderPlaced("a", 2));
            await db.SaveChangesAsync();
            await transaction.RollbackToSavepointAsync("before");
            db.ChangeTracker.Clear();

            await events.PublishAsync(new OrderPlaced("a", 3));
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Empty(await shop.OrdersAsync());
        Assert.Equal([1, 3], await shop.PublishedAsync());
    }

    [Fact]
    public async Task An_event_that_a_savepoint_took_back_can_be_published_again()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var placed = new OrderPlaced("a", 1);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await transaction.CreateSavepointAsync("before");
            await events.PublishAsync(placed);
            await db.SaveChangesAsync();
            await transaction.RollbackToSavepointAsync("before");

            await events.PublishAsync(placed);
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_foreign_transaction_that_someone_else_ends_decides_over_the_events(bool commits)
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await db.Database.OpenConnectionAsync();
            await using var foreign = await db.Database.GetDbConnection().BeginTransactionAsync();
            await db.Database.UseTransactionAsync(foreign);
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            if (commits)
            {
                await foreign.CommitAsync();
            }
            else
            {
                await foreign.RollbackAsync();
            }
        });

        Assert.Equal(commits ? ["a"] : [], await shop.OrdersAsync());
        Assert.Equal(commits ? [1] : [], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Two_contexts_on_one_transaction_both_write_their_events()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (first, events) =>
        {
            await using var scope = shop.Service.Services.CreateAsyncScope();
            var second = scope.ServiceProvider.GetRequiredService<ShopContext>();
            second.Database.SetDbConnection(first.Database.GetDbConnection());

            await using var transaction = await first.Database.BeginTransactionAsync();
            await second.Database.UseTransactionAsync(transaction.GetDbTransaction());
            first.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await first.SaveChangesAsync();
            second.Orders.Add(new Order { Id = "b" });
            await second.PublishAsync(new OrderPlaced("b", 2));
            await second.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Equal(["a", "b"], await shop.OrdersAsync());
        Assert.Equal([1, 2], await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_commit_without_SaveChanges_writes_what_is_staged(bool synchronous)
    {
        await using var shop = await Shop.OpenAsync(databases);
        await shop.RequestAsync(async (db, _) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await db.SaveChangesAsync();
        });

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await db.Orders.Where(o => o.Id == "a").ExecuteUpdateAsync(set => set.SetProperty(o => o.Number, 7));
            await events.PublishAsync(new OrderPlaced("a", 7));
            if (synchronous)
            {
                transaction.Commit();
            }
            else
            {
                await transaction.CommitAsync();
            }
        });

        Assert.Equal([7], await shop.PublishedAsync());
    }

    [Fact]
    public async Task An_event_that_a_commit_wrote_is_not_written_again_by_the_next_save()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await using (var transaction = await db.Database.BeginTransactionAsync())
            {
                await events.PublishAsync(new OrderPlaced("a", 1));
                await transaction.CommitAsync();
            }

            db.Orders.Add(new Order { Id = "a" });
            await db.SaveChangesAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_failed_save_keeps_its_events_for_the_next_one()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "taken");

        await shop.RequestAsync(async (db, events) =>
        {
            var order = db.Orders.Add(new Order { Id = "taken" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());

            order.State = EntityState.Detached;
            db.Orders.Add(new Order { Id = "free" });
            await db.SaveChangesAsync();
        });

        Assert.Equal(["free", "taken"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_conflict_resolved_by_a_second_save_writes_the_event_once()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "a");

        await shop.RequestAsync(async (db, events) =>
        {
            var order = await db.Orders.SingleAsync(o => o.Id == "a");
            await db.Orders.ExecuteUpdateAsync(set => set.SetProperty(o => o.Stamp, 5));
            order.Number = 1;
            await events.PublishAsync(new OrderPlaced("a", 1));
            await Assert.ThrowsAsync<DbUpdateConcurrencyException>(() => db.SaveChangesAsync());

            db.Entry(order).OriginalValues.SetValues(await db.Entry(order).GetDatabaseValuesAsync() ?? throw new InvalidOperationException());
            await db.SaveChangesAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_cancelled_save_keeps_its_events_for_the_next_one()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => db.SaveChangesAsync(new CancellationToken(canceled: true)));
            await db.SaveChangesAsync();
        });

        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Clear_after_a_failed_save_drops_the_events()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "taken");

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "taken" });
            await events.PublishAsync(new OrderPlaced("taken", 1));
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());

            db.ChangeTracker.Clear();
            db.Orders.Add(new Order { Id = "free" });
            await events.PublishAsync(new OrderPlaced("free", 2));
            await db.SaveChangesAsync();
        });

        Assert.Equal(["free", "taken"], await shop.OrdersAsync());
        Assert.Equal([2], await shop.PublishedAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_commit_after_a_failed_save_is_refused_while_its_events_are_staged(bool synchronous)
    {
        await using var shop = await Shop.WithOrderAsync(databases, "taken");

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            db.Orders.Add(new Order { Id = "first" });
            await db.SaveChangesAsync();
            db.Orders.Add(new Order { Id = "taken" });
            await events.PublishAsync(new OrderPlaced("taken", 1));
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());

            var refused = synchronous
                ? Assert.Throws<EventBusException>(transaction.Commit)
                : await Assert.ThrowsAsync<EventBusException>(() => transaction.CommitAsync());
            Assert.Contains("order.placed", refused.Message, StringComparison.Ordinal);
        });

        Assert.Equal(["taken"], await shop.OrdersAsync());
        Assert.Empty(await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_transaction_goes_on_after_a_failed_save_that_is_repaired()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "taken");

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            var order = db.Orders.Add(new Order { Id = "taken" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());

            order.State = EntityState.Detached;
            db.Orders.Add(new Order { Id = "free" });
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        });

        Assert.Equal(["free", "taken"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Publishing_in_a_TransactionScope_is_refused()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (_, events) =>
        {
            using var ambient = new System.Transactions.TransactionScope(System.Transactions.TransactionScopeAsyncFlowOption.Enabled);
            var refused = await Assert.ThrowsAsync<EventBusException>(() => events.PublishAsync(new OrderPlaced("a", 1)));
            Assert.Contains("TransactionScope", refused.Message, StringComparison.Ordinal);
        });

        Assert.Empty(await shop.PublishedAsync());
    }

    [Fact]
    public async Task Saving_events_in_a_TransactionScope_is_refused()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            db.Orders.Add(new Order { Id = "a" });
            await events.PublishAsync(new OrderPlaced("a", 1));
            using var ambient = new System.Transactions.TransactionScope(System.Transactions.TransactionScopeAsyncFlowOption.Enabled);
            var refused = await Assert.ThrowsAsync<EventBusException>(() => db.SaveChangesAsync());
            Assert.Contains("TransactionScope", refused.Message, StringComparison.Ordinal);
        });

        Assert.Empty(await shop.OrdersAsync());
        Assert.Empty(await shop.PublishedAsync());
    }

    [Fact]
    public async Task Publishing_one_event_twice_in_a_save_is_an_error()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var placed = new OrderPlaced("a", 1);

        await shop.RequestAsync(async (_, events) =>
        {
            await events.PublishAsync(placed);
            var refused = await Assert.ThrowsAsync<EventBusException>(() => events.PublishAsync(placed));
            Assert.Contains(placed.EventId.ToString(), refused.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Publishing_one_event_twice_in_a_transaction_is_an_error_across_its_saves()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var placed = new OrderPlaced("a", 1);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await events.PublishAsync(placed);
            await db.SaveChangesAsync();
            await Assert.ThrowsAsync<EventBusException>(() => events.PublishAsync(placed));
            await transaction.CommitAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Of_a_batch_with_a_refused_event_nothing_is_published()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var twice = new OrderPlaced("a", 2);

        await shop.RequestAsync(async (db, events) =>
        {
            await Assert.ThrowsAsync<EventBusException>(() => events.PublishBatchAsync([new OrderPlaced("a", 1), twice, twice]));
            await Assert.ThrowsAsync<EventBusException>(() => events.PublishBatchAsync([new OrderPlaced("a", 1), new object()]));
            db.Orders.Add(new Order { Id = "a" });
            await db.SaveChangesAsync();
        });

        Assert.Empty(await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_batch_keeps_its_order()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var numbers = Enumerable.Range(1, 2500).ToArray();

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishBatchAsync(numbers.Select(n => new OrderPlaced("a", n)));
            await db.SaveChangesAsync();
        });

        Assert.Equal(numbers, await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_row_holds_the_record_as_it_will_be_sent()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var placed = new OrderPlaced("a", 1);
        var later = new OrderPlaced("a", 2);
        var due = DateTimeOffset.UtcNow.AddHours(1);

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(placed);
            await events.PublishAsync(later, new PublishOptions { DeliverAt = due, Key = "other" });
            await events.PublishAsync(new StockCounted(3));
            await db.SaveChangesAsync();
        });

        var rows = await shop.OutboxAsync();
        Assert.Equal(3, rows.Count);
        Assert.Equal((Topics.Orders, "order.placed", placed.EventId.ToString(), OutboxEntryState.Pending), (rows[0].Topic, rows[0].Type, rows[0].EventId, rows[0].State));
        Assert.Equal("a"u8, rows[0].Key!);
        Assert.Equal(LaneHash.Lane(Topics.Orders, "a"u8, 16), rows[0].Lane);
        Assert.Equal(placed.EventId.ToString(), HeaderBlock.Read(rows[0].Headers)[Headers.Id]);
        Assert.Equal(OutboxEntryState.Scheduled, rows[1].State);
        Assert.Equal("other"u8, rows[1].Key!);
        Assert.Equal(due.UtcDateTime, DateTime.SpecifyKind(rows[1].DueAt!.Value, DateTimeKind.Utc), TimeSpan.FromMilliseconds(1));
        Assert.Null(rows[2].Key);
    }

    [Fact]
    public async Task An_event_is_what_it_was_when_it_was_published()
    {
        await using var shop = await Shop.OpenAsync(databases, bus: b => b.Map<Mutable>(m => (m.Name, m.Topic) = ("mutable", Topics.Orders)));
        var mutable = new Mutable { Number = 1 };

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(mutable);
            mutable.Number = 2;
            await db.SaveChangesAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task An_event_larger_than_its_topic_allows_is_refused_at_the_call()
    {
        await using var shop = await Shop.OpenAsync(databases, bus: b => b.Configure(o => o.Topics[Topics.Orders] = new TopicOptions { MaxMessageBytes = 2000 }));

        await shop.RequestAsync(async (_, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1) { Note = new string('x', 1000) });
            var refused = await Assert.ThrowsAsync<EventBusException>(() => events.PublishAsync(new OrderPlaced("a", 2) { Note = new string('x', 2000) }));
            Assert.Contains("order.placed", refused.Message, StringComparison.Ordinal);
            Assert.Contains($"EventBus:Topics:{Topics.Orders}:MaxMessageBytes", refused.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Bytes_that_no_text_column_takes_are_stored_as_they_are()
    {
        await using var shop = await Shop.OpenAsync(databases);
        byte[] broken = [0xFF, 0x00, 0xC3];

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1) { Note = "nul \0 inside" }, new PublishOptions { Key = "k\0y", Headers = new EventHeaders { { "x-bytes", broken } } });
            await events.PublishAsync(new OrderPlaced("a", 2), new PublishOptions { Key = "half \ud800 pair" });
            await db.SaveChangesAsync();
        });

        var rows = await shop.OutboxAsync();
        Assert.Equal("k\0y"u8, rows[0].Key!);
        Assert.Equal(broken, HeaderBlock.Read(rows[0].Headers).GetBytes("x-bytes")!);
        Assert.Equal(Encoding.UTF8.GetBytes("half \uFFFD pair"), rows[1].Key!);
    }

    [Fact]
    public async Task Events_that_are_never_saved_are_an_error_in_the_log()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            await events.PublishAsync(new OrderShipped("a", 2));
        });

        var error = Assert.Single(shop.Service.Log.Entries, e => e.Level == LogLevel.Error);
        Assert.Contains("order.shipped", error.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(ShopContext), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_that_were_rolled_back_are_no_error_in_the_log()
    {
        await using var shop = await Shop.OpenAsync(databases);

        await shop.RequestAsync(async (db, events) =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await events.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            await transaction.RollbackAsync();
        });

        Assert.DoesNotContain(shop.Service.Log.Entries, e => e.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task Events_of_entities_are_collected_in_the_order_raised_and_cleared()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var order = new Order { Id = "a" };
        order.Raise(new OrderPlaced("a", 1));
        order.Raise(new OrderPlaced("a", 2));

        await shop.RequestAsync(async (db, _) =>
        {
            db.Orders.Add(order);
            await db.SaveChangesAsync();
            Assert.Empty(order.DomainEvents);

            order.Number = 3;
            order.Raise(new OrderPlaced("a", 3));
            db.SaveChanges();
            Assert.Empty(order.DomainEvents);
        });

        Assert.Equal([1, 2, 3], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Events_of_an_unchanged_entity_are_published_too()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "a");

        await shop.RequestAsync(async (db, _) =>
        {
            var order = await db.Orders.SingleAsync();
            order.Raise(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            Assert.Empty(order.DomainEvents);
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Events_of_entities_are_kept_when_the_save_fails()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "taken");
        var order = new Order { Id = "free" };
        order.Raise(new OrderPlaced("free", 1));

        await shop.RequestAsync(async (db, _) =>
        {
            db.Orders.Add(order);
            var twin = db.Orders.Add(new Order { Id = "taken" });
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());
            Assert.Single(order.DomainEvents);

            twin.State = EntityState.Detached;
            await db.SaveChangesAsync();
            Assert.Empty(order.DomainEvents);
        });

        Assert.Equal(["free", "taken"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task Events_of_entities_are_kept_when_the_save_fails_and_published_by_another_context()
    {
        await using var shop = await Shop.WithOrderAsync(databases, "taken");
        var order = new Order { Id = "free" };
        order.Raise(new OrderPlaced("free", 1));

        await shop.RequestAsync(async (db, _) =>
        {
            db.AddRange(order, new Order { Id = "taken" });
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());
        });
        await shop.RequestAsync(async (db, _) =>
        {
            db.Add(order);
            await db.SaveChangesAsync();
        });

        Assert.Equal([1], await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_context_without_an_outbox_says_what_to_add()
    {
        await using var shop = await Shop.OpenAsync(databases);
        await using var plain = shop.Database.CreateContext<ShopContext>();

        var refused = await Assert.ThrowsAsync<EventBusException>(() => plain.PublishAsync(new OrderPlaced("a", 1)));

        Assert.Contains("UseOutbox<ShopContext>()", refused.Message, StringComparison.Ordinal);
    }

    private sealed class Mutable
    {
        public int Number { get; set; }
    }
}

public sealed class Outbox_writing_on_PostgreSQL(PostgresFixture databases) : OutboxWritingTests(databases);

public sealed class Outbox_writing_on_SQLite(SqliteFixture databases) : OutboxWritingTests(databases);
