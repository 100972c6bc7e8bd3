using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>A key whose first row is rejected waits with it; everything else goes on.</summary>
public abstract class ParkedKeyTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task A_key_waits_behind_its_rejected_row_and_then_goes_on_in_order_before_newer_rows()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.StartRelayAsync();
        await scene.PublishSpoiltAsync("a", 1, 2, 3);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting");
        await scene.PublishAsync("a", 4, 5);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting, 4 Waiting, 5 Waiting");

        await scene.RepairAsync();

        await scene.EventuallyEmptyAsync();
        await scene.PublishAsync("a", 6);
        await scene.EventuallySentAsync("a", 1, 2, 3, 4, 5, 6);
    }

    [Fact]
    public async Task Other_keys_of_its_lane_flow_and_are_charged_nothing()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.StartRelayAsync();
        var neighbour = scene.Neighbours("a").First();
        await scene.PublishAsync(neighbour, 1);
        await scene.PublishSpoiltAsync("a", 1, 2);
        await scene.PublishAsync(neighbour, 2, 3);

        await scene.EventuallySentAsync(neighbour, 1, 2, 3);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting");
        Assert.Equal([1, 0], (await scene.RowsAsync()).Select(row => row.Attempts));
        Assert.Empty(await scene.SentAsync("a"));
    }

    [Fact]
    public async Task A_key_goes_on_when_its_rejected_row_is_dead()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.StartRelayAsync(("Relay:MaxAttempts", "3"), ("Relay:RetryDelay", "00:00:00.010"));

        await scene.PublishSpoiltAsync("a", 1, 2, 3);

        await scene.EventuallyRowsAsync("a", "1 Dead for a time");
        await scene.EventuallySentAsync("a", 2, 3);
        var dead = Assert.Single(await scene.RowsAsync());
        Assert.Equal(3, dead.Attempts);
        Assert.Contains("header block", dead.LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_without_a_key_parks_nobody()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishSpoiltAsync("a", 1);
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.Key, (byte[]?)null)));
        await scene.PublishAsync("a", 2);

        await scene.StartRelayAsync();

        await scene.EventuallySentAsync("a", 2);
        await Eventually.Equal(OutboxEntryState.Waiting, async () => Assert.Single(await scene.RowsAsync()).State);
    }

    [Fact]
    public async Task Several_rejected_rows_of_a_key_are_tried_one_after_the_other()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishSpoiltAsync("a", 1, 2);
        await scene.PublishSpoiltAsync("a", 3, 4);
        await scene.StartRelayAsync();
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting, 4 Waiting");

        await scene.RepairAsync();

        await scene.EventuallySentAsync("a", 1, 2, 3, 4);
        await scene.EventuallyEmptyAsync();
    }

    /// <summary>How far the owner came before it died.</summary>
    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public async Task Whatever_an_owner_had_parked_when_it_died_the_next_one_keeps_the_order(bool isRejected, int parked)
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishSpoiltAsync("a", 1, 2, 3);
        await using var dead = await RelayHand.OpenAsync(scene.Writer, scene.LaneOf("a"), "dead", new RelayOptions { RetryDelay = TimeSpan.FromHours(1) });
        var rows = (await dead.ReadAsync())!;
        if (isRejected)
        {
            await dead.Claim.RejectAsync(dead.Session, rows[0], "refused", default);
            await dead.ReadOnAsync(park: [.. rows.Skip(1).Take(parked).Select(r => r.Id)]);
        }

        var neighbour = scene.Neighbours("a").First();
        await scene.PublishAsync("a", 4);
        await scene.PublishAsync(neighbour, 1);
        await scene.StartRelayAsync();

        await scene.EventuallySentAsync(neighbour, 1);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting, 4 Waiting");
        await scene.RepairAsync();
        await scene.EventuallySentAsync("a", 1, 2, 3, 4);
    }

    [Fact]
    public async Task A_key_stays_parked_from_one_owner_to_the_next()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var first = await scene.StartRelayAsync();
        await scene.PublishSpoiltAsync("a", 1, 2);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting");
        await first.StopAsync();

        await scene.StartRelayAsync();
        await scene.PublishAsync("a", 3);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting");

        await scene.RepairAsync();
        await scene.EventuallySentAsync("a", 1, 2, 3);
    }

    [Fact]
    public async Task Rows_behind_one_that_someone_deleted_by_hand_return()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var first = await scene.StartRelayAsync();
        await scene.PublishSpoiltAsync("a", 1, 2, 3);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting");
        await first.StopAsync();
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().Where(m => m.DueAt != null).ExecuteDeleteAsync());

        await scene.StartRelayAsync();

        await scene.EventuallySentAsync("a", 2, 3);
    }
}

public sealed class Parked_key_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : ParkedKeyTests(kafka, databases)
{
    private readonly KafkaFixture _kafka = kafka;
    private readonly PostgresFixture _databases = databases;

    [Fact]
    public async Task A_hundred_thousand_rows_behind_one_hold_nobody_up_and_leave_in_order()
    {
        const int Many = 100_000;
        await using var scene = await OutboxScene.OpenAsync(_kafka, _databases);
        await scene.PublishSpoiltAsync("a", 0);
        await scene.ExecuteAsync($$"""
            INSERT INTO outbox_messages (lane, topic, key, event_id, type, headers, payload, created_at, attempts, state)
            SELECT lane, topic, key, 'n' || n, type, '\x01', convert_to('{"number":' || n || '}', 'UTF8'), created_at, 0, 0
            FROM outbox_messages, generate_series(1, {{Many}}) n
            ORDER BY n
            """.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));
        var neighbour = scene.Neighbours("a").First();
        await scene.PublishAsync(neighbour, 1);

        await scene.StartRelayAsync();

        await scene.EventuallySentAsync(neighbour, 1);
        await Eventually.Equal(0, () => scene.CountAsync("SELECT count(*)::int AS \"Value\" FROM outbox_messages WHERE state = 0"));
        for (var n = 2; n <= 20; n++)
        {
            await scene.PublishAsync(neighbour, n);
        }

        await scene.EventuallySentAsync(neighbour, Enumerable.Range(1, 20));
        Assert.Empty(await scene.SentAsync("a"));

        await scene.RepairAsync();
        await scene.PublishAsync("a", Many + 1);
        await Eventually.Equal(0, () => scene.CountAsync("SELECT count(*)::int AS \"Value\" FROM outbox_messages"), TimeSpan.FromMinutes(2));
        Assert.Equal(Enumerable.Range(0, Many + 2), await scene.SentAsync("a"));
    }
}

public sealed class Parked_key_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : ParkedKeyTests(kafka, databases);
