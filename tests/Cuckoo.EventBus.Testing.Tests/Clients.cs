using System.Diagnostics;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Testing.Tests;

/// <summary>Confluent's clients with the settings that the broker recommends, and waiting with a limit.</summary>
internal static class Clients
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static IProducer<string, string> Producer(this EmbeddedKafka kafka, int? messageTimeoutMs = null) =>
        new ProducerBuilder<string, string>(new ProducerConfig(new Dictionary<string, string>(kafka.ProducerSettings))
        {
            BootstrapServers = kafka.BootstrapServers,
            EnableIdempotence = true,
            MessageTimeoutMs = messageTimeoutMs,
        })
        .SetLogHandler((_, _) => { })
        .Build();

    public static IConsumer<string, string> Consumer(this EmbeddedKafka kafka, string topic, string group = "group")
    {
        var consumer = new ConsumerBuilder<string, string>(
            new ConsumerConfig(new Dictionary<string, string>(kafka.ConsumerSettings))
            {
                BootstrapServers = kafka.BootstrapServers,
                GroupId = group,
                AutoOffsetReset = AutoOffsetReset.Earliest,
                EnableAutoCommit = false,
            })
            .SetLogHandler((_, _) => { })
            .Build();
        consumer.Subscribe(topic);
        return consumer;
    }

    public static Task<DeliveryResult<string, string>> Send(this IProducer<string, string> producer, string topic, string value) =>
        producer.ProduceAsync(
            topic,
            new Message<string, string> { Key = "key", Value = value, Headers = [] },
            TestContext.Current.CancellationToken);

    public static ConsumeResult<string, string> Receive(this IConsumer<string, string> consumer)
    {
        ConsumeResult<string, string>? result = null;
        Until(() => (result = consumer.Poll()) is not null, "a record arrives");
        return result!;
    }

    /// <summary>Waits for a record for a moment, and serves the group's rebalances while it does.</summary>
    public static ConsumeResult<string, string>? Poll(this IConsumer<string, string> consumer) =>
        consumer.Consume(TimeSpan.FromMilliseconds(10));

    public static TopicMetadata Metadata(this EmbeddedKafka kafka, string topic)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = kafka.BootstrapServers })
            .SetLogHandler((_, _) => { })
            .Build();
        return admin.GetMetadata(topic, Limit).Topics.Single();
    }

    public static void Until(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < Limit, $"Not within {Limit.TotalSeconds} s: {what}.");
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }
    }
}
