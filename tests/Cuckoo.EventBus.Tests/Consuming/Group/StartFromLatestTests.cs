using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Consuming.Group;

/// <summary>A group that starts at the end does so once; what comes later is for it, wherever and whenever.</summary>
public sealed class StartFromLatestTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Theory]
    [InlineData(Protocol.Eager)]
    [InlineData(Protocol.Cooperative)]
    [InlineData(Protocol.Kip848)]
    public async Task What_comes_while_it_is_away_is_read_also_where_it_had_read_nothing_before(string protocol)
    {
        await using var members = await OpenAsync();
        await members.SendToEachAsync(100);
        await (await StartAsync(members, protocol)).StopAsync();
        await members.SendToEachAsync(1);

        await StartAsync(members, protocol);

        await members.EventuallyNumbersAsync(1, 3);
    }

    [Theory]
    [InlineData(Protocol.Eager)]
    [InlineData(Protocol.Cooperative)]
    [InlineData(Protocol.Kip848)]
    public async Task Members_that_start_together_leave_out_what_was_there_before_and_nothing_else(string protocol)
    {
        await using var members = await OpenAsync();
        await members.SendToEachAsync(100);
        var services = await Task.WhenAll(StartOneAsync(members, protocol), StartOneAsync(members, protocol), StartOneAsync(members, protocol));
        await Eventually.Equal("0 1 2", () => string.Join(' ', services.SelectMany(service => Members.PartitionsOf(service).Split(' ', StringSplitOptions.RemoveEmptyEntries)).Order()));

        await members.SendToEachAsync(1);

        await members.EventuallyNumbersAsync(1, 3);
    }

    [Fact]
    public async Task A_partition_that_is_added_while_it_is_away_is_read_from_its_beginning()
    {
        await using var members = await OpenAsync();
        await (await StartAsync(members)).StopAsync();
        await members.Bus.Broker.Admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = Topic(members), IncreaseTo = 4 }]);
        await Eventually.Equal(4, () => members.Bus.Broker.Admin.GetMetadata(Topic(members), Eventually.Limit).Topics.Single().Partitions.Count(partition => partition.Leader >= 0));
        // A producer that knew the topic before hears of it within minutes.
        await using (var broker = new ExternalBroker(members.Bus.Broker.BootstrapServers))
        {
            await broker.ProduceAsync(
                Topic(members),
                null,
                """{"orderId":"a","number":1,"occurredAt":"2026-01-01T12:00:00Z"}"""u8.ToArray(),
                Warehouse.HeadersOf(Guid.NewGuid().ToString(), "shop", null),
                partition: 3);
        }

        await members.StartAsync(Protocol.Configuration(Protocol.Cooperative, null), options: Latest);

        await members.EventuallyNumbersAsync(1, 1);
    }

    [Fact]
    public async Task Of_what_it_has_not_read_in_time_it_reads_what_the_topic_still_has()
    {
        await using var members = await OpenAsync();
        await (await StartAsync(members)).StopAsync();
        foreach (var number in new[] { 101, 102, 1, 2 })
        {
            await members.SendAsync(number, 0);
        }

        await members.Bus.Broker.Admin.DeleteRecordsAsync([new TopicPartitionOffset(Topic(members), 0, 2)]);
        await StartAsync(members);

        await members.EventuallyNumbersAsync(1, 2);
    }

    [Fact]
    public async Task A_topic_that_is_new_to_it_is_read_from_its_end_also_while_members_run_that_do_not_know_it()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Members of several versions");
        await using var bus = await TestBus.CreateAsync(broker, Topics.Orders, Topics.Shipping);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var script = new Script();
        await bus.StartAsync<ShopContext>("mill", database, b => b.AddConsumer<Scripted<OrderPlaced>>("placed", Latest), Scripts);
        await ShipAsync("old");

        var newer = await bus.StartAsync<ShopContext>(
            "mill", database, b => b.AddConsumer<Scripted<OrderPlaced>>("placed", Latest).AddConsumer<Scripted<OrderShipped>>("shipped", Latest), Scripts);
        await Eventually.True(() => newer.Services.GetRequiredService<IConsumerAdministration>().List()
            .Any(consumer => consumer.Partitions.Any(partition => partition.Topic == bus.Prefix + Topics.Shipping && partition.Partition == 0)));
        await ShipAsync("new");

        await Eventually.True(() => script.Seen.Any(handling => handling.Context.EventId == "new"));
        Assert.DoesNotContain(script.Seen, handling => handling.Context.EventId == "old");

        void Scripts(IServiceCollection services) => services.AddSingleton(script);

        Task ShipAsync(string id) => bus.ProduceAsync(
            Topics.Shipping,
            null,
            """{"orderId":"a","number":1,"occurredAt":"2026-01-01T12:00:00Z"}"""u8.ToArray(),
            new EventHeaders { { "ce_id", id }, { "ce_type", "order.shipped" }, { "ce_source", "shop" } },
            partition: 0);
    }

    private static string Topic(Members members) => members.Bus.Prefix + Topics.Orders;

    private static void Latest(ConsumerOptions options) => options.StartFrom = StartFrom.Latest;

    private static async Task<TestService> StartOneAsync(Members members, string protocol) =>
        (await members.StartAsync(Protocol.Configuration(protocol, null), options: Latest)).Service;

    private static async Task<TestService> StartAsync(Members members, string protocol = Protocol.Cooperative)
    {
        var service = await StartOneAsync(members, protocol);
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(service));
        return service;
    }

    private async Task<Members> OpenAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("A group that is left and joined again");
        return await Members.OpenAsync(broker, databases);
    }
}
