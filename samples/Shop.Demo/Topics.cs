using System.Text;
using Confluent.Kafka;

namespace Shop.Demo;

/// <summary>The run's topics as the broker has them, whatever the services believe.</summary>
internal sealed class Topics(Broker broker, Run run) : IDisposable
{
    /// <summary>Marks the records that <see cref="Repeater"/> has sent again.</summary>
    public const string RepeatHeader = "demo_repeat";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, IConsumer<byte[], byte[]>> _clients = [];

    public static string? Header(Headers headers, string name) =>
        headers.TryGetLastBytes(name, out var value) ? Encoding.UTF8.GetString(value) : null;

    /// <summary>All partitions of some topics.</summary>
    public IReadOnlyList<TopicPartition> Partitions(IEnumerable<string> topics)
    {
        using var admin = new DependentAdminClientBuilder(Client("reader").Handle).Build();
        return [.. topics.SelectMany(topic => admin.GetMetadata(run.Prefix + topic, Limit).Topics[0].Partitions
            .Select(partition => new TopicPartition(run.Prefix + topic, partition.PartitionId)))];
    }

    public WatermarkOffsets Ends(TopicPartition partition) => Client("reader").QueryWatermarkOffsets(partition, Limit);

    /// <summary>How many records a service has not finished.</summary>
    public long Lag(string service)
    {
        var partitions = Partitions(Flow.Handles[service].Keys);
        return Client(service).Committed(partitions, Limit).Sum(committed =>
        {
            var ends = Ends(committed.TopicPartition);
            return Math.Max(0, ends.High.Value - Math.Max(committed.Offset.Value, ends.Low.Value));
        });
    }

    /// <summary>Reads some topics from their beginning to their present end.</summary>
    public IEnumerable<ConsumeResult<byte[], byte[]>> ReadAll(IEnumerable<string> topics)
    {
        using var consumer = Open("reader");
        var partitions = Partitions(topics).Select(partition => (partition, ends: Ends(partition))).Where(p => p.ends.High > p.ends.Low).ToList();
        var unread = partitions.ToDictionary(p => p.partition, p => p.ends.High.Value);
        consumer.Assign(partitions.Select(p => new TopicPartitionOffset(p.partition, p.ends.Low)));
        while (unread.Count > 0)
        {
            var record = consumer.Consume(Limit) ?? throw new DemoException($"{string.Join(", ", unread.Keys)} could not be read to the end.");
            if (unread.TryGetValue(record.TopicPartition, out var end) && record.Offset + 1 >= end)
            {
                unread.Remove(record.TopicPartition);
            }

            yield return record;
        }
    }

    /// <summary>A client that reads without joining a group, as which it may ask for offsets.</summary>
    public IConsumer<byte[], byte[]> Open(string service) => new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig
    {
        BootstrapServers = broker.BootstrapServers,
        GroupId = run.Prefix + service,
        EnableAutoCommit = false,
        FetchWaitMaxMs = 10,
    }).SetLogHandler((_, _) => { }).Build();

    public void Dispose()
    {
        foreach (var client in _clients.Values)
        {
            client.Dispose();
        }
    }

    private IConsumer<byte[], byte[]> Client(string service)
    {
        if (!_clients.TryGetValue(service, out var client))
        {
            _clients.Add(service, client = Open(service));
        }

        return client;
    }
}
