using System.Collections.Concurrent;
using System.Diagnostics;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A broker to test against, with raw reading and writing that knows nothing of the bus.</summary>
public abstract class KafkaBroker : IAsyncDisposable
{
    // A client needs a third of a second to know its broker: these serve all tests.
    private readonly Lazy<IProducer<byte[]?, byte[]?>> _producer;
    private readonly Lazy<IAdminClient> _admin;
    private readonly ConcurrentBag<IConsumer<byte[]?, byte[]?>> _readers = [];

    protected KafkaBroker()
    {
        _producer = new(() => new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
        {
            BootstrapServers = BootstrapServers,
            LingerMs = 0,
            Partitioner = Confluent.Kafka.Partitioner.Murmur2Random,
            MessageMaxBytes = 20_000_000,
        }).SetLogHandler(static (_, _) => { }).Build());
        _admin = new(() => new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers }).SetLogHandler(static (_, _) => { }).Build());
    }

    /// <summary>For whatever a test wants to know or change; the broker disposes it.</summary>
    public IAdminClient Admin => _admin.Value;

    public abstract string BootstrapServers { get; }

    /// <summary>Whether it is Apache Kafka itself.</summary>
    public abstract bool IsReal { get; }

    /// <summary>Settings of librdkafka with which groups of this broker form and change quickly.</summary>
    public virtual IReadOnlyDictionary<string, string> ConsumerSettings { get; } = new Dictionary<string, string>
    {
        ["heartbeat.interval.ms"] = "200",
        ["session.timeout.ms"] = "6000",
        ["fetch.wait.max.ms"] = "100",
        ["auto.commit.interval.ms"] = "100",
    };

    /// <summary>Ends the test where only the embedded broker is there.</summary>
    public void RequireReal(string reason)
    {
        if (!IsReal)
        {
            Requirement.Missing($"{reason}: needs Apache Kafka itself. Set KAFKA_HOME to a distribution, or EVENTBUS_TEST_KAFKA to a broker.");
        }
    }

    /// <summary>Creates a topic and waits until clients see it.</summary>
    public virtual async Task CreateTopicAsync(string name, int partitions = 3, Dictionary<string, string>? config = null)
    {
        await Admin.CreateTopicsAsync([new TopicSpecification { Name = name, NumPartitions = partitions, ReplicationFactor = 1, Configs = config }]);
        await Eventually.True(IsThere);

        bool IsThere()
        {
            try
            {
                return Admin.GetMetadata(name, TimeSpan.FromSeconds(5)).Topics is [{ Error.IsError: false } topic]
                    && topic.Partitions.Count == partitions && topic.Partitions.TrueForAll(p => p.Leader >= 0);
            }
            catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_TimedOut)
            {
                // A busy machine: the limit is the one above.
                return false;
            }
        }
    }

    /// <summary>Writes any bytes with any headers.</summary>
    public async Task<(int Partition, long Offset)> ProduceAsync(string topic, byte[]? key, byte[]? value, EventHeaders? headers = null, int? partition = null)
    {
        var kafkaHeaders = new Headers();
        foreach (var (name, bytes) in headers ?? [])
        {
            kafkaHeaders.Add(name, bytes);
        }

        var report = await _producer.Value.ProduceAsync(
            new TopicPartition(topic, partition is { } p ? new Partition(p) : Partition.Any),
            new Message<byte[]?, byte[]?> { Key = key, Value = value, Headers = kafkaHeaders },
            TestContext.Current.CancellationToken).WaitAsync(Eventually.Limit);
        return (report.Partition.Value, report.Offset.Value);
    }

    /// <summary>
    /// Everything that is in a topic now: per partition by offset, partitions one after the other. A partition without a leader
    /// can't be read, and is left out.
    /// </summary>
    public Task<IReadOnlyList<KafkaRecord>> ReadAsync(string topic) => Task.Run<IReadOnlyList<KafkaRecord>>(() => Read(topic));

    /// <summary>Everything that is in a topic as soon as it has at least <paramref name="count"/> records.</summary>
    public Task<IReadOnlyList<KafkaRecord>> ReadAsync(string topic, int count, TimeSpan? limit = null) =>
        Eventually.Until(() => ReadAsync(topic), records => records.Count >= count, limit, $"{count} records in {topic}");

    public virtual ValueTask DisposeAsync()
    {
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        if (_admin.IsValueCreated)
        {
            _admin.Value.Dispose();
        }

        if (_producer.IsValueCreated)
        {
            _producer.Value.Dispose();
        }

        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private List<KafkaRecord> Read(string topic)
    {
        var partitions = Admin.GetMetadata(topic, Eventually.Limit).Topics.Single().Partitions.Where(p => p.Leader >= 0).Select(p => p.PartitionId).ToList();
        if (partitions.Count == 0)
        {
            return [];
        }

        if (!_readers.TryTake(out var reader))
        {
            reader = NewReader();
        }

        try
        {
            reader.Assign(partitions.Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
            var records = ReadToEnd(reader, topic, [.. partitions]);
            reader.Unassign();
            return [.. records.OrderBy(r => r.Partition).ThenBy(r => r.Offset)];
        }
        finally
        {
            _readers.Add(reader);
        }
    }

    private IConsumer<byte[]?, byte[]?> NewReader() => new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
    {
        BootstrapServers = BootstrapServers,
        GroupId = "reader",
        EnableAutoCommit = false,
        EnablePartitionEof = true,
        AutoOffsetReset = AutoOffsetReset.Earliest,
        FetchWaitMaxMs = 10,
        AllowAutoCreateTopics = false,
    }).SetLogHandler(static (_, _) => { }).Build();

    private static List<KafkaRecord> ReadToEnd(IConsumer<byte[]?, byte[]?> reader, string topic, HashSet<int> open)
    {
        var records = new List<KafkaRecord>();
        var clock = Stopwatch.StartNew();
        while (open.Count > 0)
        {
            if (clock.Elapsed > Eventually.Limit)
            {
                Assert.Fail($"The end of {topic} was not reached within {Eventually.Limit}; {records.Count} records were read.");
            }

            switch (reader.Consume(TimeSpan.FromMilliseconds(100)))
            {
                case null:
                    break;
                case { IsPartitionEOF: true } end:
                    open.Remove(end.Partition.Value);
                    break;
                case var result:
                    records.Add(RecordOf(result));
                    break;
            }
        }

        return records;
    }

    private static KafkaRecord RecordOf(ConsumeResult<byte[]?, byte[]?> result)
    {
        var headers = new EventHeaders();
        foreach (var header in result.Message.Headers)
        {
            headers.Add(header.Key, header.GetValueBytes());
        }

        return new KafkaRecord(
            result.Topic, result.Partition.Value, result.Offset.Value, result.Message.Key, result.Message.Value, headers, result.Message.Timestamp.UtcDateTime);
    }
}
