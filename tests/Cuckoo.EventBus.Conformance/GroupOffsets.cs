using System.Diagnostics;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Conformance;

/// <summary>The positions that the service's group has committed, through a client of its own; while the service is stopped.</summary>
internal static class GroupOffsets
{
    /// <summary>By partition.</summary>
    public static Task<IReadOnlyList<long>> CommittedAsync(this Warehouse warehouse) => Task.Run<IReadOnlyList<long>>(() =>
    {
        using var client = Client(warehouse);
        return [.. client.Committed(Partitions(warehouse), Eventually.Limit).OrderBy(p => p.Partition.Value).Select(p => p.Offset.Value)];
    });

    /// <summary>As a member of the group, which is the only one then: the embedded broker takes commits of nobody else.</summary>
    public static Task CommitAsync(this Warehouse warehouse, Func<int, long> offset) => Task.Run(() =>
    {
        using var client = Client(warehouse);
        client.Subscribe(warehouse.Bus.Prefix + Topics.Orders);
        var clock = Stopwatch.StartNew();
        while (client.Assignment.Count < Partitions(warehouse).Count())
        {
            Assert.True(clock.Elapsed < Eventually.Limit, "The group did not take a member in.");
            client.Consume(TimeSpan.FromMilliseconds(50));
        }

        client.Commit(Partitions(warehouse).Select(p => new TopicPartitionOffset(p, offset(p.Partition.Value))));
        client.Close();
    });

    private static IEnumerable<TopicPartition> Partitions(Warehouse warehouse) =>
        Enumerable.Range(0, 3).Select(partition => new TopicPartition(warehouse.Bus.Prefix + Topics.Orders, partition));

    private static IConsumer<byte[], byte[]> Client(Warehouse warehouse)
    {
        var settings = new ConsumerConfig { BootstrapServers = warehouse.Bus.Broker.BootstrapServers, GroupId = warehouse.Service.Name };
        foreach (var (name, value) in warehouse.Bus.Broker.ConsumerSettings)
        {
            settings.Set(name, value);
        }

        settings.EnableAutoCommit = false;
        return new ConsumerBuilder<byte[], byte[]>(settings).SetLogHandler(static (_, _) => { }).Build();
    }
}
