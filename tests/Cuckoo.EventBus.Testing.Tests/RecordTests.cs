using System.Text;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Testing.Tests;

public sealed class RecordTests
{
    [Fact]
    public async Task A_record_comes_back_with_its_headers()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 4);
        using var producer = kafka.Producer();
        using var consumer = kafka.Consumer("orders");
        var sent = new Message<string, string>
        {
            Key = "order-1",
            Value = "created",
            Headers = new Headers { { "id", "42"u8.ToArray() }, { "empty", [] }, { "id", "43"u8.ToArray() } },
        };

        var written = await producer.ProduceAsync("orders", sent, TestContext.Current.CancellationToken);
        var read = consumer.Receive();

        Assert.Equal(written.TopicPartitionOffset, read.TopicPartitionOffset);
        Assert.Equal("order-1", read.Message.Key);
        Assert.Equal("created", read.Message.Value);
        Assert.Equal(
            ["id=42", "empty=", "id=43"],
            read.Message.Headers.Select(header => $"{header.Key}={Encoding.UTF8.GetString(header.GetValueBytes())}"));
    }

    [Fact]
    public async Task Records_of_one_key_come_back_in_order()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 4);
        using var producer = kafka.Producer();
        using var consumer = kafka.Consumer("orders");
        var values = Enumerable.Range(0, 500).Select(i => $"{i}").ToArray();

        await Task.WhenAll(values.Select(value => producer.Send("orders", value)));

        Assert.Equal(values, values.Select(_ => consumer.Receive().Message.Value));
    }

    [Fact]
    public void A_topic_has_the_partitions_and_replicas_that_it_was_created_with()
    {
        using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { BrokerCount = 3 });

        kafka.CreateTopic("orders", partitions: 7, replicationFactor: 2);

        var partitions = kafka.Metadata("orders").Partitions;
        Assert.Equal(7, partitions.Count);
        Assert.All(partitions, partition => Assert.Equal(2, partition.Replicas.Length));
    }

    [Fact]
    public async Task A_topic_that_a_producer_asks_for_has_four_partitions()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var producer = kafka.Producer();

        await producer.Send("orders", "created");

        Assert.Equal(4, kafka.Metadata("orders").Partitions.Count);
    }

    [Fact]
    public async Task Two_clusters_know_nothing_of_each_other()
    {
        await using var one = EmbeddedKafka.Start();
        await using var other = EmbeddedKafka.Start();
        other.CreateTopic("orders", partitions: 1);
        using var producerOfOne = one.Producer();
        using var producerOfOther = other.Producer();
        using var consumerOfOther = other.Consumer("orders");

        await producerOfOne.Send("orders", "of one");
        await producerOfOther.Send("orders", "of the other");

        Assert.NotEqual(one.BootstrapServers, other.BootstrapServers);
        Assert.Equal("of the other", consumerOfOther.Receive().Message.Value);
    }
}
