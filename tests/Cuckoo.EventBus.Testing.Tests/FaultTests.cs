using System.Diagnostics;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Testing.Tests;

public sealed class FaultTests
{
    [Fact]
    public async Task An_injected_error_reaches_the_producer_once()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var producer = kafka.Producer();
        kafka.FailRequests(KafkaRequest.Produce, ErrorCode.MsgSizeTooLarge);

        var failure = await Assert.ThrowsAsync<ProduceException<string, string>>(() => producer.Send("orders", "first"));
        Assert.Equal(ErrorCode.MsgSizeTooLarge, failure.Error.Code);

        var result = await producer.Send("orders", "second");
        Assert.Equal(0, result.Offset.Value);
    }

    [Fact]
    public async Task NoError_lets_a_request_pass_before_the_next_error()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var producer = kafka.Producer();
        kafka.FailRequests(KafkaRequest.Produce, ErrorCode.NoError, count: 2);
        kafka.FailRequests(KafkaRequest.Produce, ErrorCode.MsgSizeTooLarge);

        await producer.Send("orders", "first");
        await producer.Send("orders", "second");

        await Assert.ThrowsAsync<ProduceException<string, string>>(() => producer.Send("orders", "third"));
    }

    [Fact]
    public async Task Retriable_errors_and_a_closed_connection_delay_a_record_but_lose_nothing()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 4);
        using var producer = kafka.Producer();
        using var consumer = kafka.Consumer("orders");
        kafka.FailRequests(KafkaRequest.Produce, ErrorCode.NotLeaderForPartition, count: 2);
        kafka.FailRequests(KafkaRequest.Produce, ErrorCode.Local_Transport);
        kafka.FailRequests(KafkaRequest.Fetch, ErrorCode.NotLeaderForPartition, count: 2);
        kafka.FailRequests(KafkaRequest.ConsumerGroupHeartbeat, ErrorCode.GroupCoordinatorNotAvailable);

        await producer.Send("orders", "created");

        Assert.Equal("created", consumer.Receive().Message.Value);
    }

    [Fact]
    public async Task Errors_that_were_cleared_do_not_happen()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var producer = kafka.Producer();
        kafka.FailRequests(KafkaRequest.Produce, ErrorCode.MsgSizeTooLarge, count: 1000);

        kafka.ClearRequestErrors(KafkaRequest.Produce);

        await producer.Send("orders", "created");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(null)]
    public async Task A_broker_that_is_down_takes_records_when_it_is_up_again(int? brokerId)
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 4);
        using var producer = kafka.Producer();
        using var impatient = kafka.Producer(messageTimeoutMs: 300);
        using var consumer = kafka.Consumer("orders");
        await producer.Send("orders", "before");
        Assert.Equal("before", consumer.Receive().Message.Value);

        kafka.SetBrokerDown(brokerId);
        var waiting = producer.Send("orders", "while down");
        var failure = await Assert.ThrowsAsync<ProduceException<string, string>>(() => impatient.Send("orders", "lost"));
        Assert.Equal(ErrorCode.Local_MsgTimedOut, failure.Error.Code);
        Assert.False(waiting.IsCompleted);

        kafka.SetBrokerUp(brokerId);
        await waiting.WaitAsync(Clients.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("while down", consumer.Receive().Message.Value);
    }

    [Fact]
    public async Task A_partition_without_a_leader_takes_records_when_it_has_one_again()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 1);
        using var producer = kafka.Producer();
        using var impatient = kafka.Producer(messageTimeoutMs: 300);
        using var consumer = kafka.Consumer("orders");
        await producer.Send("orders", "before");
        Assert.Equal("before", consumer.Receive().Message.Value);

        // The consumer goes on fetching: that used to end the process (see AvoidLeaderHints).
        kafka.SetPartitionLeader("orders", 0, brokerId: null);
        Assert.Equal(-1, kafka.Metadata("orders").Partitions.Single().Leader);
        var waiting = producer.Send("orders", "without a leader");
        await Assert.ThrowsAsync<ProduceException<string, string>>(() => impatient.Send("orders", "lost"));
        Assert.False(waiting.IsCompleted);

        kafka.SetPartitionLeader("orders", 0, brokerId: 1);
        await waiting.WaitAsync(Clients.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("without a leader", consumer.Receive().Message.Value);
    }

    [Fact]
    public async Task Clients_follow_a_partition_to_its_new_leader()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { BrokerCount = 2 });
        kafka.CreateTopic("orders", partitions: 1, replicationFactor: 2);
        kafka.SetPartitionLeader("orders", 0, brokerId: 1);
        kafka.SetGroupCoordinator("group", brokerId: 2);
        using var producer = kafka.Producer();
        using var consumer = kafka.Consumer("orders");
        await producer.Send("orders", "at broker 1");
        Assert.Equal("at broker 1", consumer.Receive().Message.Value);

        kafka.SetPartitionLeader("orders", 0, brokerId: 2);
        kafka.SetBrokerDown(brokerId: 1);

        await producer.Send("orders", "at broker 2");
        Assert.Equal("at broker 2", consumer.Receive().Message.Value);
    }

    [Fact]
    public void An_error_on_a_topic_stands_in_its_metadata_until_it_is_taken_away()
    {
        using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 2);

        kafka.SetTopicError("orders", ErrorCode.TopicAuthorizationFailed);
        Assert.Equal(ErrorCode.TopicAuthorizationFailed, kafka.Metadata("orders").Error.Code);

        kafka.SetTopicError("orders", ErrorCode.NoError);
        Assert.Equal(ErrorCode.NoError, kafka.Metadata("orders").Error.Code);
    }

    [Fact]
    public async Task The_round_trip_time_delays_every_answer()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var producer = kafka.Producer();
        await producer.Send("orders", "first");
        kafka.SetRoundTripTime(TimeSpan.FromMilliseconds(200));

        var clock = Stopwatch.StartNew();
        await producer.Send("orders", "second");

        // librdkafka's clock is not ours: a little less than 200 ms is not a failure.
        Assert.True(clock.Elapsed > TimeSpan.FromMilliseconds(190), $"It took {clock.Elapsed}.");
    }
}
