using System.Text;
using Cuckoo.EventBus.Tests.Sample;
using Murmur2 = Cuckoo.EventBus.Kafka.Murmur2;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>One partition of many takes nothing: that holds up its own keys, and is nobody's fault.</summary>
public abstract class LeaderlessPartitionTests(DatabaseFixture databases)
{
    private const int Partitions = 8;

    [Fact]
    public async Task Only_the_keys_of_the_partition_wait_and_they_leave_in_order_when_it_is_back()
    {
        await using var cluster = await Cluster.OpenAsync(databases);
        await cluster.Scene.StartRelayAsync();

        for (var n = 1; n <= 3; n++)
        {
            await cluster.Scene.PublishAsync(cluster.Blocked, (2 * n) - 1, 2 * n);
            await cluster.Scene.PublishAsync(cluster.Free, (2 * n) - 1, 2 * n);
            await cluster.Scene.EventuallySentAsync(cluster.Free, Enumerable.Range(1, 2 * n));
        }

        Assert.Equal("1 Pending, 2 Pending, 3 Pending, 4 Pending, 5 Pending, 6 Pending", await cluster.Scene.RowsOfAsync(cluster.Blocked));
        Assert.All(await cluster.Scene.RowsAsync(), row => Assert.Equal(0, row.Attempts));

        cluster.SetLeader(isThere: true);
        await cluster.Scene.EventuallySentAsync(cluster.Blocked, 1, 2, 3, 4, 5, 6);
        await cluster.Scene.EventuallyEmptyAsync();
    }

    [Fact]
    public async Task What_another_instance_commits_meanwhile_is_relayed_by_the_lanes_owner()
    {
        await using var cluster = await Cluster.OpenAsync(databases);
        await cluster.Scene.StartRelayAsync();
        var other = await cluster.Scene.StartRelayAsync();
        await cluster.Scene.PublishAsync(cluster.Blocked, 1);
        await cluster.EventuallyHeldAsync();

        for (var n = 1; n <= 3; n++)
        {
            await OutboxScene.PublishAsync(other, [new(cluster.Free, n)]);
            await cluster.Scene.EventuallySentAsync(cluster.Free, Enumerable.Range(1, n));
        }
    }

    [Fact]
    public async Task What_a_process_commits_that_wakes_nobody_is_relayed_as_well()
    {
        await using var cluster = await Cluster.OpenAsync(databases);
        await cluster.Scene.StartRelayAsync();
        await cluster.Scene.PublishAsync(cluster.Blocked, 1);
        await cluster.EventuallyHeldAsync();

        await cluster.Scene.PublishAsync(cluster.Free, 1);

        await cluster.Scene.EventuallySentAsync(cluster.Free, 1);
    }

    [Fact]
    public async Task Delayed_events_of_other_keys_are_sent_when_they_are_due()
    {
        await using var cluster = await Cluster.OpenAsync(databases);
        await cluster.Scene.StartRelayAsync();
        await OutboxScene.PublishAsync(cluster.Scene.Writer, [new(cluster.Free, 1)], new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddSeconds(3) });
        await cluster.Scene.PublishAsync(cluster.Blocked, 1);
        await cluster.EventuallyHeldAsync();

        await cluster.Scene.EventuallySentAsync(cluster.Free, 1);
    }

    [Fact]
    public async Task Rejected_rows_of_other_keys_are_tried_again_when_they_are_due()
    {
        await using var cluster = await Cluster.OpenAsync(databases);
        await cluster.Scene.StartRelayAsync();
        await cluster.Scene.PublishSpoiltAsync(cluster.Free, 1, 2);
        await cluster.Scene.EventuallyRowsAsync(cluster.Free, "1 Waiting for a time, 2 Waiting");
        await cluster.Scene.PublishAsync(cluster.Blocked, 1);
        await cluster.EventuallyHeldAsync();

        await cluster.Scene.RepairAsync();

        await cluster.Scene.EventuallySentAsync(cluster.Free, 1, 2);
    }

    [Fact]
    public async Task Any_number_of_rows_of_the_partition_hold_up_no_other_key_of_their_lane()
    {
        await using var cluster = await Cluster.OpenAsync(databases);
        await cluster.Scene.PublishAsync(cluster.Blocked, Enumerable.Range(1, 50));
        await cluster.Scene.PublishAsync(cluster.Free, 1);

        await cluster.Scene.StartRelayAsync(("Relay:BatchSize", "10"));

        await cluster.Scene.EventuallySentAsync(cluster.Free, 1);
        cluster.SetLeader(isThere: true);
        await cluster.Scene.EventuallySentAsync(cluster.Blocked, Enumerable.Range(1, 50));
    }

    [Fact]
    public async Task A_relay_that_stops_meanwhile_leaves_everything_to_the_next()
    {
        await using var cluster = await Cluster.OpenAsync(databases);
        var first = await cluster.Scene.StartRelayAsync();
        await cluster.Scene.PublishAsync(cluster.Blocked, 1, 2);
        await cluster.EventuallyHeldAsync();
        await cluster.Scene.PublishAsync(cluster.Blocked, 3);
        await cluster.Scene.PublishAsync(cluster.Free, 1);
        await cluster.Scene.EventuallySentAsync(cluster.Free, 1);
        await first.StopAsync();

        cluster.SetLeader(isThere: true);
        await cluster.Scene.StartRelayAsync();

        await cluster.Scene.EventuallySentAsync(cluster.Blocked, 1, 2, 3);
    }

    /// <summary>Two keys of one lane, of which one belongs to a partition without a leader.</summary>
    private sealed class Cluster(EmbeddedBroker broker, OutboxScene scene, int partition, string blocked, string free) : IAsyncDisposable
    {
        public OutboxScene Scene => scene;

        public string Blocked => blocked;

        public string Free => free;

        public static async Task<Cluster> OpenAsync(DatabaseFixture databases)
        {
            var broker = new EmbeddedBroker();
            var scene = await OutboxScene.OpenAsync(broker, databases, Partitions);
            const string Blocked = "blocked";
            var partition = PartitionOf(Blocked);
            var cluster = new Cluster(broker, scene, partition, Blocked, scene.Neighbours(Blocked).First(key => PartitionOf(key) != partition));
            cluster.SetLeader(isThere: false);
            return cluster;
        }

        public void SetLeader(bool isThere) => broker.SetLeader(scene.Bus.Prefix + Topics.Orders, partition, isThere);

        /// <summary>The relay has the lane and waits.</summary>
        public Task EventuallyHeldAsync() => Eventually.True(async () => (await scene.LaneAsync(blocked)).Owner is not null, what: "the lane is held");

        public async ValueTask DisposeAsync()
        {
            await scene.DisposeAsync();
            await broker.DisposeAsync();
        }

        private static int PartitionOf(string key) => Murmur2.Partition(Encoding.UTF8.GetBytes(key), Partitions);
    }
}

public sealed class Leaderless_partition_on_PostgreSQL(PostgresFixture databases) : LeaderlessPartitionTests(databases);

public sealed class Leaderless_partition_on_SQLite(SqliteFixture databases) : LeaderlessPartitionTests(databases);
