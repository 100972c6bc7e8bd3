using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>A relay that goes on after its lease has ended and another one has its lane: none of its late words counts.</summary>
public abstract class StalledOwnerTests(DatabaseFixture databases)
{
    [Fact]
    public async Task Its_late_release_leaves_the_lane_with_the_new_owner()
    {
        await using var stall = await Stall.BeginAsync(databases);

        Assert.False(await stall.Former.ReleaseAsync());

        Assert.Equal("new", await stall.OwnerAsync());
        Assert.True(await stall.New.Claim.RenewAsync(stall.New.Session, default));
    }

    [Fact]
    public async Task Its_late_delete_takes_only_rows_that_the_broker_has_and_nobody_parked()
    {
        await using var stall = await Stall.BeginAsync(databases);
        // The new owner's head is rejected; what follows it waits.
        Assert.Equal(OutboxEntryState.Waiting, (await stall.New.Claim.RejectAsync(stall.New.Session, stall.Rows[1], "refused", default))!.State);
        await stall.New.ReadOnAsync(park: [stall.Rows[2].Id]);

        Assert.Null(await stall.Former.ReadOnAsync(done: [.. stall.Rows.Select(r => r.Id)]));

        Assert.Equal("2 Waiting, 3 Waiting", await stall.StatesAsync());
    }

    [Fact]
    public async Task Its_late_delete_with_its_release_spares_parked_rows_too()
    {
        await using var stall = await Stall.BeginAsync(databases);
        await stall.New.Claim.RejectAsync(stall.New.Session, stall.Rows[0], "refused", default);
        await stall.New.ReadOnAsync(park: [stall.Rows[1].Id, stall.Rows[2].Id]);

        Assert.False(await stall.Former.ReleaseAsync([.. stall.Rows.Select(r => r.Id)]));

        Assert.Equal("1 Waiting, 2 Waiting, 3 Waiting", await stall.StatesAsync());
    }

    [Fact]
    public async Task Its_late_rejection_charges_nobody()
    {
        await using var stall = await Stall.BeginAsync(databases);

        Assert.Null(await stall.Former.Claim.RejectAsync(stall.Former.Session, stall.Rows[0], "refused", default));

        Assert.Equal("1 Pending, 2 Pending, 3 Pending", await stall.StatesAsync());
        Assert.All(await stall.Shop.OutboxAsync(), row => Assert.Equal((0, null), (row.Attempts, row.LastError)));
    }

    [Fact]
    public async Task It_parks_nothing_any_more()
    {
        await using var stall = await Stall.BeginAsync(databases);

        Assert.Null(await stall.Former.ReadOnAsync(park: [stall.Rows[1].Id, stall.Rows[2].Id]));

        Assert.Equal("1 Pending, 2 Pending, 3 Pending", await stall.StatesAsync());
    }

    [Fact]
    public async Task It_brings_no_parked_rows_back()
    {
        await using var stall = await Stall.BeginAsync(databases);
        await stall.New.Claim.RejectAsync(stall.New.Session, stall.Rows[0], "refused", default);
        await stall.New.ReadOnAsync(park: [stall.Rows[1].Id, stall.Rows[2].Id]);

        await stall.Former.Claim.DeliveredAsync(stall.Former.Session, stall.Rows[0], default);
        await stall.Former.Claim.ReturnOrphansAsync(stall.Former.Session, default);

        Assert.Equal("1 Waiting, 2 Waiting, 3 Waiting", await stall.StatesAsync());
    }

    [Fact]
    public async Task It_does_not_raise_the_floor()
    {
        await using var stall = await Stall.BeginAsync(databases);
        var step = new LaneStep { Done = [], Floor = 1000, DurableFloor = 1000 };

        Assert.Null(await stall.Former.Claim.ReadAsync(stall.Former.Session, step, 100, asksWriters: false, default));
        Assert.False(await stall.Former.Claim.ReleaseAsync(stall.Former.Session, step, default));

        Assert.Equal([1, 2, 3], RelayHand.Numbers(await stall.New.ReadAsync()));
        Assert.Equal(0, stall.New.Claim.Floor);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rows_that_an_owner_brought_back_right_before_it_died_are_read_by_the_next_one(bool isDead)
    {
        await using var stall = await Stall.BeginAsync(databases);
        var (owner, session) = (stall.New.Claim, stall.New.Session);
        await owner.RejectAsync(session, stall.Rows[0], "refused", default);
        await owner.ReadAsync(session, new LaneStep { Done = [], Park = [stall.Rows[1].Id, stall.Rows[2].Id], DurableFloor = 1000 }, 100, asksWriters: false, default);

        if (isDead)
        {
            await stall.Shop.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.Attempts, 100)));
            Assert.Equal(OutboxEntryState.Dead, (await owner.RejectAsync(session, stall.Rows[0], "refused", default))!.State);
        }
        else
        {
            await owner.DeliveredAsync(session, stall.Rows[0], default);
        }

        await RelayHand.EndLeaseAsync(stall.Shop.Database, stall.Lane);
        Assert.Equal([2, 3], RelayHand.Numbers(await stall.Former.ReadAsync()));
    }

    /// <summary>Two relays read the same three rows of one key, because the first one's lease ended.</summary>
    private sealed class Stall(Shop shop, short lane, RelayHand former, RelayHand next, List<PendingRow> rows) : IAsyncDisposable
    {
        public Shop Shop => shop;

        public short Lane => lane;

        public RelayHand Former => former;

        public RelayHand New => next;

        public List<PendingRow> Rows => rows;

        public static async Task<Stall> BeginAsync(DatabaseFixture databases)
        {
            var shop = await Shop.OpenAsync(databases);
            var lane = await shop.PublishAsync(1, 2, 3);
            var former = await RelayHand.OpenAsync(shop, lane, "former");
            var next = await RelayHand.OpenAsync(shop, lane, "new");
            await former.ReadAsync();
            await RelayHand.EndLeaseAsync(shop.Database, lane);
            return new Stall(shop, lane, former, next, (await next.ReadAsync())!);
        }

        public async Task<string?> OwnerAsync() => (await shop.Database.AskAsync<ShopContext, OutboxLane>(db => db.Set<OutboxLane>().SingleAsync(l => l.Owner != null && l.Lane != OutboxLane.Watch))).Owner;

        public async Task<string> StatesAsync() => string.Join(", ", (await shop.PublishedAsync()).Zip(await shop.OutboxAsync(), (number, row) => $"{number} {row.State}"));

        public async ValueTask DisposeAsync()
        {
            await former.DisposeAsync();
            await next.DisposeAsync();
            await shop.DisposeAsync();
        }
    }
}

public sealed class Stalled_owner_on_PostgreSQL(PostgresFixture databases) : StalledOwnerTests(databases);

public sealed class Stalled_owner_on_SQLite(SqliteFixture databases) : StalledOwnerTests(databases);
