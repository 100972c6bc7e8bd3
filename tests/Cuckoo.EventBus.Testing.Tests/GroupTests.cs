using System.Diagnostics;

namespace Cuckoo.EventBus.Testing.Tests;

public sealed class GroupTests
{
    [Fact]
    public async Task A_member_alone_has_all_partitions_within_five_seconds()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 6);
        var clock = Stopwatch.StartNew();
        using var consumer = kafka.Consumer("orders");

        Clients.Until(() => consumer.Poll() is null && consumer.Assignment.Count == 6, "six partitions are assigned");

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"Joining took {clock.Elapsed}.");
        consumer.Close();
    }

    [Fact]
    public async Task A_second_member_takes_half_of_the_partitions_and_hands_them_back_when_it_leaves()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 6);
        using var first = kafka.Consumer("orders");
        Clients.Until(() => first.Poll() is null && first.Assignment.Count == 6, "the first member has everything");

        var clock = Stopwatch.StartNew();
        using var second = kafka.Consumer("orders");
        Clients.Until(
            () => first.Poll() is null && second.Poll() is null && first.Assignment.Count == 3 && second.Assignment.Count == 3,
            "each member has three partitions");
        Assert.Empty(first.Assignment.Intersect(second.Assignment));

        second.Close();
        Clients.Until(() => first.Poll() is null && first.Assignment.Count == 6, "the first member has everything again");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"Two rebalances took {clock.Elapsed}.");
        first.Close();
    }

    [Fact]
    public async Task A_member_that_says_nothing_for_the_session_timeout_loses_its_partitions()
    {
        await using var kafka = EmbeddedKafka.Start(
            new EmbeddedKafkaOptions { GroupConsumerSessionTimeout = TimeSpan.FromSeconds(1) });
        kafka.CreateTopic("orders", partitions: 2);
        using var crashed = kafka.Consumer("orders");
        Clients.Until(() => crashed.Poll() is null && crashed.Assignment.Count == 2, "the first member has everything");

        // Disposal without Close says nothing to the coordinator, as a crash.
        crashed.Dispose();
        var clock = Stopwatch.StartNew();
        using var successor = kafka.Consumer("orders");

        Clients.Until(() => successor.Poll() is null && successor.Assignment.Count == 2, "the successor has everything");
        Assert.True(clock.Elapsed > TimeSpan.FromSeconds(0.5), $"It took {clock.Elapsed}: the first member said that it was leaving.");
        successor.Close();
    }

    [Fact]
    public async Task A_group_goes_on_from_what_it_committed()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 1);
        using var producer = kafka.Producer();
        await producer.Send("orders", "first");
        await producer.Send("orders", "second");
        using (var before = kafka.Consumer("orders"))
        {
            before.Commit(before.Receive());
            before.Close();
        }

        using var after = kafka.Consumer("orders");

        Assert.Equal("second", after.Receive().Message.Value);
        after.Close();
    }

    [Fact]
    public async Task A_member_joins_at_the_coordinator_that_was_set()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { BrokerCount = 2 });
        kafka.CreateTopic("orders", partitions: 1);
        kafka.SetPartitionLeader("orders", 0, brokerId: 2);
        kafka.SetGroupCoordinator("group", brokerId: 2);
        kafka.SetBrokerDown(brokerId: 1);

        using var consumer = kafka.Consumer("orders");

        Clients.Until(() => consumer.Poll() is null && consumer.Assignment.Count == 1, "the partition is assigned");
        consumer.Close();
    }
}
