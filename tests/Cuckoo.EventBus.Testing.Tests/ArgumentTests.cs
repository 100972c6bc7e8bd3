using Confluent.Kafka;

namespace Cuckoo.EventBus.Testing.Tests;

public sealed class ArgumentTests : IDisposable
{
    private readonly EmbeddedKafka _kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { BrokerCount = 2 });

    public void Dispose() => _kafka.Dispose();

    [Fact]
    public void A_topic_is_created_only_once()
    {
        _kafka.CreateTopic("orders", 1);

        var error = Assert.Throws<InvalidOperationException>(() => _kafka.CreateTopic("orders", 1));

        Assert.Contains("'orders' exists already", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("with space")]
    [InlineData("größe")]
    [InlineData("orders\0")]
    public void A_topic_has_a_legal_name(string name)
    {
        Assert.Throws<ArgumentException>(() => _kafka.CreateTopic(name, 1));
        Assert.Throws<ArgumentException>(() => _kafka.SetTopicError(name, ErrorCode.Unknown));
        Assert.Throws<ArgumentException>(() => _kafka.SetPartitionLeader(name, 0, 1));
    }

    [Fact]
    public void A_topic_name_has_at_most_249_characters()
    {
        _kafka.CreateTopic(new string('a', 249), 1);

        var error = Assert.Throws<ArgumentException>(() => _kafka.CreateTopic(new string('a', 250), 1));

        Assert.Contains("249", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1, "partitions")]
    [InlineData(-1, 1, "partitions")]
    [InlineData(1, 0, "replicationFactor")]
    [InlineData(1, 3, "replicationFactor")]
    public void A_topic_has_partitions_and_as_many_replicas_as_there_are_brokers(int partitions, int replicationFactor, string name) =>
        Assert.Throws<ArgumentOutOfRangeException>(name, () => _kafka.CreateTopic("orders", partitions, replicationFactor));

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(3)]
    public void A_broker_that_is_not_there_is_named(int brokerId)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(nameof(brokerId), () => _kafka.SetBrokerDown(brokerId));

        Assert.Contains($"There is no broker {brokerId}: ids run from 1 to 2.", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(nameof(brokerId), () => _kafka.SetBrokerUp(brokerId));
        Assert.Throws<ArgumentOutOfRangeException>(nameof(brokerId), () => _kafka.SetRoundTripTime(TimeSpan.Zero, brokerId));
        Assert.Throws<ArgumentOutOfRangeException>(nameof(brokerId), () => _kafka.SetPartitionLeader("orders", 0, brokerId));
        Assert.Throws<ArgumentOutOfRangeException>(nameof(brokerId), () => _kafka.SetGroupCoordinator("group", brokerId));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void A_partition_that_is_not_there_gets_no_leader(int partition)
    {
        _kafka.CreateTopic("orders", partitions: 2);

        Assert.Throws<ArgumentOutOfRangeException>(nameof(partition), () => _kafka.SetPartitionLeader("orders", partition, 1));
    }

    [Fact]
    public void A_request_that_the_brokers_do_not_know_does_not_fail()
    {
        Assert.Throws<ArgumentOutOfRangeException>("request", () => _kafka.FailRequests((KafkaRequest)19, ErrorCode.Unknown));
        Assert.Throws<ArgumentOutOfRangeException>("request", () => _kafka.ClearRequestErrors((KafkaRequest)19));
        Assert.Throws<ArgumentOutOfRangeException>("count", () => _kafka.FailRequests(KafkaRequest.Fetch, ErrorCode.Unknown, count: 0));
    }

    [Fact]
    public void A_group_has_a_name() =>
        Assert.Throws<ArgumentException>("groupId", () => _kafka.SetGroupCoordinator("", 1));

    [Fact]
    public void A_time_is_not_negative() =>
        Assert.Throws<ArgumentOutOfRangeException>("time", () => _kafka.SetRoundTripTime(TimeSpan.FromMilliseconds(-1)));

    public static TheoryData<EmbeddedKafkaOptions, string> InvalidOptions => new()
    {
        { new() { BrokerCount = 0 }, "BrokerCount" },
        { new() { GroupInitialRebalanceDelay = TimeSpan.FromMilliseconds(-1) }, "GroupInitialRebalanceDelay" },
        { new() { GroupConsumerHeartbeatInterval = TimeSpan.Zero }, "GroupConsumerHeartbeatInterval" },
        { new() { GroupConsumerSessionTimeout = TimeSpan.FromMilliseconds(100) }, "GroupConsumerSessionTimeout" },
        { new() { GroupConsumerSessionTimeout = TimeSpan.MaxValue }, "GroupConsumerSessionTimeout" },
    };

    [Theory]
    [MemberData(nameof(InvalidOptions), DisableDiscoveryEnumeration = true)]
    public void An_option_out_of_range_is_named(EmbeddedKafkaOptions options, string name) =>
        Assert.Throws<ArgumentOutOfRangeException>(name, () => EmbeddedKafka.Start(options));
}
