using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>Events with a time before which they are not sent.</summary>
public abstract class DelayedEventTests(KafkaFixture kafka, DatabaseFixture databases)
{
    /// <summary>A second on a quiet machine; here many tests run at once, and time shall not decide.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private static readonly (string, string) DefaultSweep = ("Relay:SweepInterval", "00:00:01");

    [Fact]
    public async Task One_is_sent_no_earlier_than_it_is_due_and_soon_after()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var relay = await scene.StartRelayAsync(DefaultSweep);
        // Whatever the first event of a producer takes is not this one's.
        await scene.PublishAsync("b", 0);
        await scene.EventuallySentAsync("b", 0);
        var due = DateTimeOffset.UtcNow.AddSeconds(2);
        await OutboxScene.PublishAsync(relay, [new("a", 1)], new PublishOptions { DeliverAt = due });

        await scene.EventuallyEmptyAsync();

        await AssertSentSoonAsync(scene, "a", due);
    }

    [Fact]
    public async Task One_is_sent_when_it_is_due_also_by_a_relay_that_started_later()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var due = DateTimeOffset.UtcNow.AddSeconds(4);
        var first = await scene.StartRelayAsync();
        await OutboxScene.PublishAsync(first, [new("a", 1)], new PublishOptions { DeliverAt = due });
        await first.StopAsync();

        await scene.StartRelayAsync(DefaultSweep);
        await scene.EventuallyEmptyAsync();

        await AssertSentSoonAsync(scene, "a", due);
    }

    [Fact]
    public async Task Thousands_that_are_due_at_once_are_all_sent_in_their_order()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await OutboxScene.PublishAsync(
            scene.Writer, [.. Enumerable.Range(1, 3000).Select(n => new OrderPlaced($"{n % 3}", n))], new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddSeconds(-1) });

        await scene.StartRelayAsync();

        for (var key = 0; key < 3; key++)
        {
            await scene.EventuallySentAsync($"{key}", Enumerable.Range(1, 3000).Where(n => n % 3 == key));
        }

        await scene.EventuallyEmptyAsync();
    }

    [Fact]
    public async Task Those_of_the_future_stay_out_of_the_way()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await OutboxScene.PublishAsync(
            scene.Writer, [.. Enumerable.Range(1, 2000).Select(n => new OrderPlaced("a", n))], new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddDays(1) });
        // One read would not see past the first ten.
        await scene.StartRelayAsync(("Relay:BatchSize", "10"));

        await scene.PublishAsync("a", 3000, 3001);

        await scene.EventuallySentAsync("a", 3000, 3001);
        Assert.Equal(2000, (await scene.RowsAsync()).Count(row => row.State == OutboxEntryState.Scheduled));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_is_taken_back_in_a_transaction_is_gone_if_that_commits(bool commits)
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var placed = new OrderPlaced("a", 1);
        await OutboxScene.PublishAsync(scene.Writer, [placed], new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddDays(1) });

        await scene.Writer.InScopeAsync(async services =>
        {
            var db = services.GetRequiredService<ShopContext>();
            await using var transaction = await db.Database.BeginTransactionAsync();
            Assert.True(await db.CancelScheduledAsync(placed.EventId.ToString()));
            await (commits ? transaction.CommitAsync() : transaction.RollbackAsync());
        });

        Assert.Equal(commits ? 0 : 1, (await scene.RowsAsync()).Count);
    }

    [Fact]
    public async Task One_that_is_not_yet_saved_can_be_taken_back_and_published_again()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var placed = new OrderPlaced("a", 1);
        var later = new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddDays(1) };

        await scene.Writer.InScopeAsync(async services =>
        {
            var db = services.GetRequiredService<ShopContext>();
            await db.PublishAsync(placed, later);
            await db.PublishAsync(new OrderPlaced("b", 2), later);
            Assert.True(await db.CancelScheduledAsync(placed.EventId.ToString()));
            await db.SaveChangesAsync();
            Assert.Equal("b", (await scene.RowsAsync()).Select(row => System.Text.Encoding.UTF8.GetString(row.Key!)).Single());
            await db.PublishAsync(placed, later);
            await db.SaveChangesAsync();
        });

        Assert.Equal(2, (await scene.RowsAsync()).Count);
    }

    [Fact]
    public async Task What_nobody_delayed_is_not_taken_back()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var placed = new OrderPlaced("a", 1);
        await OutboxScene.PublishAsync(scene.Writer, [placed]);

        await scene.Writer.InScopeAsync(async services =>
        {
            var db = services.GetRequiredService<ShopContext>();
            Assert.False(await db.CancelScheduledAsync(placed.EventId.ToString()));
            Assert.False(await db.CancelScheduledAsync("nobody's"));
            await db.PublishAsync(new OrderPlaced("a", 2));
            Assert.False(await db.CancelScheduledAsync(Guid.NewGuid().ToString()));
        });

        Assert.Single(await scene.RowsAsync());
    }

    private static async Task AssertSentSoonAsync(OutboxScene scene, string key, DateTimeOffset due)
    {
        // The row is deleted after the broker has the record.
        Assert.InRange(DateTimeOffset.UtcNow, due, due + Soon);
        var record = Assert.Single(await scene.Bus.ReadAsync(Topics.Orders), r => r.KeyText == key);
        Assert.True(!scene.Bus.Broker.IsReal || record.Timestamp >= due.AddMilliseconds(-1), $"{record.Timestamp:O} is before {due:O}");
    }
}

public sealed class Delayed_events_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : DelayedEventTests(kafka, databases);

public sealed class Delayed_events_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : DelayedEventTests(kafka, databases);
