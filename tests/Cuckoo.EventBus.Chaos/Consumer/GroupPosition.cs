using Confluent.Kafka;
using Cuckoo.EventBus.Chaos.Checking;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>How far a group has come, asked without being a member of it.</summary>
internal sealed class GroupPosition : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly IConsumer<Ignore, Ignore> _client;
    private readonly string _topic;
    private readonly RecordTail _records;

    public GroupPosition(string brokers, string group, string topic, RecordTail records)
    {
        _topic = topic;
        _records = records;
        _client = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig { BootstrapServers = brokers, GroupId = group, EnableAutoCommit = false, ReconnectBackoffMaxMs = 1000 })
            .SetLogHandler(static (_, _) => { }).Build();
    }

    /// <summary>Per partition, the position that is committed; 0 where none is.</summary>
    /// <exception cref="KafkaException">The group's coordinator is away.</exception>
    public Task<Dictionary<int, long>> CommittedAsync() => Task.Run(() =>
        _client.Committed(_records.Ends().Keys.Select(partition => new TopicPartition(_topic, partition)), Limit)
            .ToDictionary(position => position.Partition.Value, position => Math.Max(0, position.Offset.Value)));

    /// <summary>How many records of the topic it has not committed.</summary>
    /// <inheritdoc cref="CommittedAsync"/>
    public async Task<long> LagAsync()
    {
        var committed = await CommittedAsync();
        return _records.Ends().Sum(end => Math.Max(0, end.Value - committed[end.Key]));
    }

    public void Dispose() => _client.Dispose();
}
