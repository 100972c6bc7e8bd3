using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>The protocol between relays, one step at a time: no relay runs here but the test's own hands.</summary>
public abstract class LaneClaimTests(DatabaseFixture databases)
{
    [Fact]
    public async Task A_free_lane_is_claimed_and_read_in_the_order_of_ids()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1, 2, 3);
        await using var relay = await RelayHand.OpenAsync(shop, lane, "one");

        Assert.Equal([1, 2, 3], RelayHand.Numbers(await relay.ReadAsync()));
    }

    [Fact]
    public async Task A_held_lane_is_not_given_away_and_its_holder_is_woken()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1);
        await using var holder = await RelayHand.OpenAsync(shop, lane, "holder");
        await using var other = await RelayHand.OpenAsync(shop, lane, "other");
        var first = await holder.ReadAsync();

        await shop.PublishAsync(2);
        Assert.Null(await other.ReadAsync());

        Assert.False(await holder.ReleaseAsync(first![0].Id));
        var second = await holder.ReadAsync();
        Assert.Equal([2], RelayHand.Numbers(second));
        Assert.True(await holder.ReleaseAsync(second![0].Id));
        Assert.Empty(await shop.OutboxAsync());
    }

    [Fact]
    public async Task A_released_lane_is_free_for_the_next()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1);
        await using var one = await RelayHand.OpenAsync(shop, lane, "one");
        await using var two = await RelayHand.OpenAsync(shop, lane, "two");
        var rows = await one.ReadAsync();
        Assert.True(await one.ReleaseAsync(rows![0].Id));

        Assert.Empty((await two.ReadAsync())!);
    }

    [Fact]
    public async Task A_lane_passes_on_when_its_lease_ends_and_the_former_owner_can_do_no_harm()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1, 2);
        await using var stalled = await RelayHand.OpenAsync(shop, lane, "stalled");
        await using var next = await RelayHand.OpenAsync(shop, lane, "next");
        var sent = await stalled.ReadAsync();
        await RelayHand.EndLeaseAsync(shop.Database, lane);

        Assert.Equal([1, 2], RelayHand.Numbers(await next.ReadAsync()));

        Assert.False(await stalled.Claim.RenewAsync(stalled.Session, default));
        Assert.False(await stalled.ReleaseAsync(sent![0].Id));
        Assert.Null(await stalled.ReadAsync());
        Assert.Equal([2], RelayHand.Numbers(await next.ReadAsync()));
    }

    [Fact]
    public async Task A_read_keeps_no_more_than_its_bytes()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(Enumerable.Range(1, 20).ToArray());
        await using var relay = await RelayHand.OpenAsync(shop, lane, "one", new RelayOptions { BatchBytes = 1000 });

        var rows = await relay.ReadAsync();

        Assert.InRange(rows!.Count, 1, 19);
        Assert.True(rows.Take(rows.Count - 1).Sum(r => r.Bytes) < 1000);
    }
}

public sealed class Lane_claims_on_PostgreSQL(PostgresFixture databases) : LaneClaimTests(databases);

public sealed class Lane_claims_on_SQLite(SqliteFixture databases) : LaneClaimTests(databases);
