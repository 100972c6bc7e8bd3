using System.Globalization;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Registration;

/// <summary>What a start says to topics that are not there.</summary>
public sealed class TopicsAtStartTests(KafkaFixture kafka)
{
    [Fact]
    public async Task Missing_topics_are_an_error_that_names_them()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("The embedded broker creates a topic for whoever asks for it");
        await using var bus = await TestBus.CreateAsync(broker);
        var service = bus.Build("shop", Consuming);

        var error = await Assert.ThrowsAnyAsync<EventBusException>(service.StartAsync);

        Assert.Contains(bus.Prefix + Topics.Orders, error.Message, StringComparison.Ordinal);
        Assert.Contains(bus.Prefix + Topics.Shipping, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(TestBus.DeadLetterTopic, error.Message, StringComparison.Ordinal);
        Assert.Contains("EnsureTopics", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EnsureTopics_creates_them_as_configured()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Topics with settings of their own");
        await using var bus = await TestBus.CreateAsync(broker);
        var service = bus.Build("shop", Consuming, new Dictionary<string, string?>
        {
            ["EventBus:EnsureTopics"] = "true",
            ["EventBus:TopicDefaults:Retention"] = "1.00:00:00",
            ["EventBus:Topics:order-events:Partitions"] = "7",
            ["EventBus:Topics:order-events:ReplicationFactor"] = "1",
            ["EventBus:Topics:order-events:MinInSyncReplicas"] = "1",
            ["EventBus:Topics:order-events:MaxMessageBytes"] = "123456",
            ["EventBus:Topics:order-events:Retention"] = "02:00:00",
        });

        await service.StartAsync();

        var orders = await DescribeAsync(broker, bus.Prefix + Topics.Orders);
        Assert.Equal((7, "7200000", "123456", "1"), (orders.Partitions, orders.Settings["retention.ms"], orders.Settings["max.message.bytes"], orders.Settings["min.insync.replicas"]));
        var shipping = await DescribeAsync(broker, bus.Prefix + Topics.Shipping);
        Assert.Equal((3, TimeSpan.FromDays(1).TotalMilliseconds.ToString(CultureInfo.InvariantCulture)), (shipping.Partitions, shipping.Settings["retention.ms"]));
    }

    [Fact]
    public async Task EnsureTopics_creates_what_a_service_without_consumers_and_database_publishes()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Topics with settings of their own");
        await using var bus = await TestBus.CreateAsync(broker);
        var service = bus.Build(
            "shop",
            services => services.AddCuckooEventBus(b => b.Publishes<OrderPlaced>()),
            new Dictionary<string, string?> { ["EventBus:EnsureTopics"] = "true", ["EventBus:Topics:order-events:Partitions"] = "5" });

        await service.StartAsync();

        Assert.Equal(5, (await DescribeAsync(broker, bus.Prefix + Topics.Orders)).Partitions);
    }

    [Fact]
    public async Task EnsureTopics_leaves_existing_topics_as_they_are()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Topics with settings of their own");
        await using var bus = await TestBus.CreateAsync(broker);
        await broker.CreateTopicAsync(bus.Prefix + Topics.Orders, partitions: 2);
        var service = bus.Build("shop", Consuming, new Dictionary<string, string?> { ["EventBus:EnsureTopics"] = "true", ["EventBus:Topics:order-events:Partitions"] = "7" });

        await service.StartAsync();

        Assert.Equal(2, (await DescribeAsync(broker, bus.Prefix + Topics.Orders)).Partitions);
    }

    private static void Consuming(IServiceCollection services)
    {
        services.AddSingleton<Script>();
        services.AddCuckooEventBus(bus => bus.AddConsumer<Scripted<OrderPlaced>>().Publishes<OrderShipped>());
    }

    private static async Task<(int Partitions, Dictionary<string, string> Settings)> DescribeAsync(KafkaBroker broker, string topic)
    {
        var partitions = await Eventually.Until(
            () => Task.FromResult(broker.Admin.GetMetadata(topic, TimeSpan.FromSeconds(5)).Topics.Single().Partitions.Count), count => count > 0);
        var settings = await broker.Admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Topic, Name = topic }]);
        return (partitions, settings.Single().Entries.ToDictionary(e => e.Key, e => e.Value.Value));
    }
}
