using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>Ids are given out in order but seen in the order of commits. PostgreSQL: SQLite has one writer.</summary>
public sealed class Floor_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases)
{
    /// <summary>More than the relay asks for before it looks at who is writing.</summary>
    private const int Many = 150;

    [Fact]
    public async Task An_event_that_commits_late_goes_before_those_of_its_successor()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.ExecuteAsync("""INSERT INTO "Orders" ("Id", "Number", "Stamp") VALUES ('a', 0, 0)""");
        await scene.StartRelayAsync();
        await using var first = await Change.BeginAsync(scene);
        await first.PublishAsync(1);
        var successor = Task.Run(async () =>
        {
            await using var second = await Change.BeginAsync(scene);
            await second.PublishAsync(7);
            await second.CommitAsync();
        });
        await OutboxScene.EventuallyWaitingForLockAsync(scene.Database);

        // Ids above the first one's, in its lane, read and deleted in several rounds.
        for (var round = 0; round < 3; round++)
        {
            await PublishNextToAsync(scene, Many);
            await scene.EventuallyEmptyAsync();
        }

        Assert.False(successor.IsCompleted);
        await first.CommitAsync();
        await Eventually.Ends(successor);

        await scene.EventuallyEmptyAsync();
        Assert.Equal([1, 7], await scene.SentAsync("a"));
    }

    [Fact]
    public async Task Reads_begin_higher_when_nobody_writes()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.StartRelayAsync();

        await EventuallyMovesAsync(scene);
    }

    [Fact]
    public async Task Reads_begin_below_what_a_transaction_may_still_bring_until_it_has_ended()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.ExecuteAsync("""INSERT INTO "Orders" ("Id", "Number", "Stamp") VALUES ('a', 0, 0)""");
        await scene.StartRelayAsync();
        await using (var open = await Change.BeginAsync(scene))
        {
            await open.PublishAsync(1);
            for (var round = 0; round < 4; round++)
            {
                await PublishNextToAsync(scene, Many);
                await scene.EventuallyEmptyAsync();
            }

            Assert.Equal(0, (await scene.LaneAsync("a")).Floor);
            await open.CommitAsync();
        }

        await EventuallyMovesAsync(scene);
        await scene.EventuallySentAsync("a", 1);
    }

    [Theory]
    [InlineData("SELECT count(*) FROM outbox_messages")]
    [InlineData("""INSERT INTO "Orders" ("Id", "Number", "Stamp") VALUES ('b', 0, 0)""")]
    public async Task A_long_transaction_that_writes_no_event_does_not_hold_reads_down(string sql)
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.StartRelayAsync();
        await using var db = scene.Database.CreateContext<ShopContext>();
        await using var open = await db.Database.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, TestContext.Current.CancellationToken);
        await db.Database.ExecuteSqlRawAsync(sql, TestContext.Current.CancellationToken);

        await EventuallyMovesAsync(scene);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rows_that_return_to_their_old_ids_are_read_though_reads_began_above_them(bool isDiscarded)
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.StartRelayAsync();
        await scene.PublishSpoiltAsync("a", 1, 2, 3);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting");
        await Eventually.True(async () =>
        {
            await PublishNextToAsync(scene, Many);
            await Eventually.Equal(3, async () => (await scene.RowsAsync()).Count);
            return (await scene.LaneAsync("a")).Floor > 3;
        });

        await (isDiscarded
            ? scene.Writer.Services.GetRequiredService<IOutboxAdministration>().DiscardAsync(new OutboxFilter { Ids = [(await scene.RowsAsync())[0].Id] })
            : scene.RepairAsync());

        // Sooner than a sweep would look below all floors.
        await Eventually.Equal(0, async () => (await scene.RowsAsync()).Count, TimeSpan.FromSeconds(15));
        Assert.Equal(isDiscarded ? [2, 3] : [1, 2, 3], await scene.SentAsync("a"));
    }

    [Fact]
    public async Task A_floor_that_stands_above_committed_rows_is_looked_below_when_a_service_starts()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishAsync("a", 1, 2, 3);
        await scene.ExecuteAsync("UPDATE outbox_lanes SET floor = 1000000");

        await scene.StartRelayAsync();

        await scene.EventuallySentAsync("a", 1, 2, 3);
    }

    private static async Task EventuallyMovesAsync(OutboxScene scene)
    {
        await Eventually.True(async () =>
        {
            await PublishNextToAsync(scene, Many);
            await scene.EventuallyEmptyAsync();
            return (await scene.LaneAsync("a")).Floor > 0;
        });
    }

    /// <summary>Commits events of other keys in the lane of "a".</summary>
    private static Task PublishNextToAsync(OutboxScene scene, int count) =>
        OutboxScene.PublishAsync(scene.Writer, [.. scene.Neighbours("a").Take(5).SelectMany(key => Enumerable.Range(1, count / 5).Select(n => new OrderPlaced(key, n)))]);

    /// <summary>A transaction that holds the order "a".</summary>
    private sealed class Change(AsyncServiceScope scope, ShopContext db, IDbContextTransaction transaction) : IAsyncDisposable
    {
        public static async Task<Change> BeginAsync(OutboxScene scene)
        {
            var scope = scene.Writer.Services.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<ShopContext>();
            var transaction = await db.Database.BeginTransactionAsync();
            await db.Orders.Where(o => o.Id == "a").ExecuteUpdateAsync(set => set.SetProperty(o => o.Number, o => o.Number + 1));
            return new Change(scope, db, transaction);
        }

        public async Task PublishAsync(int number)
        {
            await db.PublishAsync(new OrderPlaced("a", number));
            await db.SaveChangesAsync();
        }

        public Task CommitAsync() => transaction.CommitAsync();

        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await scope.DisposeAsync();
        }
    }
}
