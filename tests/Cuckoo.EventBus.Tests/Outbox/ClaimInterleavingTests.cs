using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>
/// Two relays in the midst of each other's statements: one's transaction is held open at the barrier while the other's waits for
/// its lock. PostgreSQL: on SQLite one is over before the other begins.
/// </summary>
public sealed class Claim_interleavings_on_PostgreSQL(PostgresFixture databases)
{
    [Fact]
    public async Task A_new_owner_does_not_read_what_the_former_one_is_just_deleting()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1, 2, 3);
        await using var former = await RelayHand.OpenAsync(shop, lane, "former");
        await using var next = await RelayHand.OpenAsync(shop, lane, "next");
        var rows = (await former.ReadAsync())!;

        await using var barrier = await former.Session.Connection.BeginTransactionAsync();
        Assert.True(await former.ReleaseAsync(rows[0].Id, rows[1].Id));
        var reading = Task.Run(next.ReadAsync);
        await OutboxScene.EventuallyWaitingForLockAsync(shop.Database);
        await barrier.CommitAsync();

        Assert.Equal([3], RelayHand.Numbers(await reading));
    }

    [Fact]
    public async Task A_new_owner_after_a_lapsed_lease_does_not_read_what_the_former_one_is_just_parking()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1, 2, 3);
        await using var former = await RelayHand.OpenAsync(shop, lane, "former", new RelayOptions { Lease = TimeSpan.Zero });
        await using var next = await RelayHand.OpenAsync(shop, lane, "next");
        var rows = (await former.ReadAsync())!;

        await using var barrier = await former.Session.Connection.BeginTransactionAsync();
        await former.Claim.RejectAsync(former.Session, rows[0], "refused", default);
        await former.ReadOnAsync(park: [rows[1].Id, rows[2].Id]);
        var reading = Task.Run(next.ReadAsync);
        await OutboxScene.EventuallyWaitingForLockAsync(shop.Database);
        await barrier.CommitAsync();

        Assert.Empty((await reading)!);
        Assert.Equal(rows[0].Id, Assert.Single((await next.Claim.WaitingKeysAsync(next.Session, default))!).Value);
    }

    [Fact]
    public async Task A_wake_up_that_commits_while_the_holder_lets_go_is_not_lost()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1);
        await using var holder = await RelayHand.OpenAsync(shop, lane, "holder");
        await using var other = await RelayHand.OpenAsync(shop, lane, "other");
        var rows = (await holder.ReadAsync())!;
        await shop.PublishAsync(2);

        await using var barrier = await other.Session.Connection.BeginTransactionAsync();
        Assert.Null(await other.ReadAsync());
        var releasing = Task.Run(() => holder.ReleaseAsync(rows[0].Id));
        await OutboxScene.EventuallyWaitingForLockAsync(shop.Database);
        await barrier.CommitAsync();

        Assert.False(await releasing);
        Assert.Equal([2], RelayHand.Numbers(await holder.ReadAsync()));
    }

    [Fact]
    public async Task Whoever_wakes_a_lane_that_is_just_let_go_gets_it()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1);
        await using var holder = await RelayHand.OpenAsync(shop, lane, "holder");
        await using var other = await RelayHand.OpenAsync(shop, lane, "other");
        var rows = (await holder.ReadAsync())!;

        await using var barrier = await holder.Session.Connection.BeginTransactionAsync();
        Assert.True(await holder.ReleaseAsync(rows[0].Id));
        await shop.PublishAsync(2);
        var claiming = Task.Run(other.ReadAsync);
        await OutboxScene.EventuallyWaitingForLockAsync(shop.Database);
        await barrier.CommitAsync();

        Assert.Equal([2], RelayHand.Numbers(await claiming));
    }

    [Fact]
    public async Task A_wake_up_before_a_read_is_answered_by_that_read_and_one_after_it_keeps_the_lane_from_being_let_go()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1);
        await using var holder = await RelayHand.OpenAsync(shop, lane, "holder");
        await using var other = await RelayHand.OpenAsync(shop, lane, "other");
        await holder.ReadAsync();

        await shop.PublishAsync(2);
        Assert.Null(await other.ReadAsync());
        var rows = (await holder.ReadOnAsync())!;
        Assert.Equal([1, 2], RelayHand.Numbers(rows));
        await shop.PublishAsync(3);
        Assert.Null(await other.ReadAsync());

        Assert.False(await holder.ReleaseAsync([.. rows.Select(r => r.Id)]));
        var last = (await holder.ReadOnAsync())!;
        Assert.Equal([3], RelayHand.Numbers(last));
        Assert.True(await holder.ReleaseAsync(last[0].Id));
    }

    [Fact]
    public async Task Two_relays_that_claim_and_release_all_lanes_at_once_never_block_each_other_for_good()
    {
        await using var shop = await Shop.OpenAsync(databases);
        await shop.RequestAsync(async (db, events) =>
        {
            await events.PublishBatchAsync(Enumerable.Range(1, 200).Select(n => new OrderPlaced($"key-{n}", n)));
            await db.SaveChangesAsync();
        });

        await Eventually.Ends(Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(async () =>
        {
            // Half of them upwards, half downwards, each a relay of its own.
            for (var step = 0; step < 48; step++)
            {
                var lane = (short)((i % 2 == 0 ? step : 47 - step) % 16);
                await using var relay = await RelayHand.OpenAsync(shop, lane, $"relay-{i}");
                if (await relay.ReadAsync() is { } rows)
                {
                    await relay.ReleaseAsync([.. rows.Select(r => r.Id)]);
                }
            }
        }))));

        Assert.Empty(await shop.OutboxAsync());
    }
}
