using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// One member of a consumer group. Only the thread that polls touches it, and only there, inside <see cref="Poll"/> and
/// <see cref="Close"/>, it tells its listener what was assigned and taken away.
/// </summary>
internal sealed class KafkaConsumer : IDisposable
{
    // The years that both .NET and PostgreSQL know; a producer may send any number.
    private const long MaxTimestamp = 253_402_300_799_999;

    private readonly IConsumer<byte[]?, byte[]?> _client;
    private readonly ILogger _logger;
    private readonly Dictionary<PartitionId, long> _ends = [];
    private readonly IAdminClient _admin;
    private Error? _fatal;

    /// <param name="clients">Makes the client.</param>
    /// <param name="group">The group.</param>
    /// <param name="latestStart">For a group that starts at the latest record; others start at the earliest.</param>
    /// <param name="isNew">Whether a topic's committed positions are to be ignored, and all of it read.</param>
    /// <param name="listener">Hears of assignments.</param>
    /// <param name="logger">The log.</param>
    public KafkaConsumer(
        KafkaClients clients, string group, LatestStart? latestStart, Func<string, bool> isNew, IAssignmentListener listener, ILogger<KafkaConsumer> logger)
    {
        _logger = logger;
        _client = clients.Consumer(group, builder => builder
            .SetPartitionsAssignedHandler((_, partitions) =>
            {
                latestStart?.Begin(_client!, _admin!, partitions.Select(partition => partition.Topic));
                OnAssigned(listener, [.. partitions.Select(Id)]);
                return partitions.Select(partition => new TopicPartitionOffset(partition, isNew(partition.Topic) ? Offset.Beginning : Offset.Unset));
            })
            .SetPartitionsRevokedHandler((_, partitions) => listener.Revoked(this, [.. partitions.Select(p => Id(p.TopicPartition))]))
            .SetPartitionsLostHandler((_, partitions) => listener.Lost([.. partitions.Select(p => Id(p.TopicPartition))]))
            .SetErrorHandler((_, error) => OnError(error)));
        _admin = new DependentAdminClientBuilder(_client.Handle).Build();
    }

    public void Subscribe(IEnumerable<string> topics) => _client.Subscribe(topics);

    /// <summary>Waits for the next record; <see langword="null"/> if none came in time.</summary>
    /// <exception cref="KafkaClientException">The client has something to report; unless it is fatal, polling goes on.</exception>
    public IncomingRecord? Poll(TimeSpan timeout)
    {
        ConsumeResult<byte[]?, byte[]?>? result;
        try
        {
            result = _client.Consume(timeout);
        }
        catch (ConsumeException e)
        {
            throw new KafkaClientException(e.Error, e.ConsumerRecord?.Topic);
        }

        if (_fatal is not null)
        {
            throw new KafkaClientException(_fatal);
        }

        if (result is { IsPartitionEOF: true })
        {
            _ends[Id(result.TopicPartition)] = result.Offset.Value;
            LastRead = result.Topic;
            return null;
        }

        if (result?.Message is not { } message)
        {
            return null;
        }

        LastRead = result.Topic;
        return Record(result, message);
    }

    /// <summary>The topic of what was read last, be it a partition's end.</summary>
    public string? LastRead { get; private set; }

    public void ForgetLastRead() => LastRead = null;

    /// <summary>
    /// The end of a partition that was read to, last time: an offset that may lie behind the last record, where transactions'
    /// markers stand. <see langword="null"/> while none was.
    /// </summary>
    public long? EndReached(PartitionId partition) => _ends.TryGetValue(partition, out var end) ? end : null;

    /// <summary>Where the next record will be written, by the broker's last answer to a fetch. No question of its own.</summary>
    public long? HighWatermark(PartitionId partition)
    {
        try
        {
            var high = _client.GetWatermarkOffsets(Partition(partition)).High;
            return high.IsSpecial ? null : high.Value;
        }
        catch (KafkaException)
        {
            // Not fetched yet, or not this member's any more.
            return null;
        }
    }

    /// <summary>Has the client commit this position, from now on, in its own time and when the partition is given up.</summary>
    public void Store(PartitionId partition, PartitionPosition position)
    {
        try
        {
            _client.StoreOffset(new TopicPartitionOffset(Partition(partition), new Offset(position.NextOffset), position.LeaderEpoch));
        }
        catch (KafkaException e)
        {
            // The partition went away meanwhile: its next owner gets the records again.
            KafkaLog.OffsetNotStored(_logger, partition, position.NextOffset, e.Error.Reason);
        }
    }

    /// <summary>Fetches no more of these partitions. Drops what was fetched and not polled; it comes again later.</summary>
    public void Pause(IEnumerable<PartitionId> partitions) => _client.Pause(partitions.Select(Partition));

    public void Resume(IEnumerable<PartitionId> partitions) => _client.Resume(partitions.Select(Partition));

    /// <summary>The ids of those topics that are there, by a question of their own to a broker. For any thread.</summary>
    public async Task<IReadOnlyDictionary<string, string>> TopicIdsAsync(IEnumerable<string> topics)
    {
        IEnumerable<TopicDescription> descriptions;
        try
        {
            descriptions = (await _admin.DescribeTopicsAsync(TopicCollection.OfTopicNames(topics)).ConfigureAwait(false)).TopicDescriptions;
        }
        catch (DescribeTopicsException e)
        {
            descriptions = e.Results.TopicDescriptions;
        }

        // Brokers before 2.8 have none; librdkafka says that by zeros.
        return descriptions
            .Where(topic => !topic.Error.IsError && (topic.TopicId.MostSignificantBits != 0 || topic.TopicId.LeastSignificantBits != 0))
            .ToDictionary(topic => topic.Name, topic => topic.TopicId.ToString(), StringComparer.Ordinal);
    }

    /// <summary>Commits the beginning of partitions instead of where they were read to: whoever gets them reads all of them.</summary>
    public void CommitBeginning(IReadOnlyCollection<PartitionId> partitions)
    {
        try
        {
            var beginning = partitions.Select(partition => new TopicPartitionOffset(Partition(partition), 0)).ToList();
            foreach (var offset in beginning)
            {
                // What is stored would be committed once more when the client is closed.
                _client.StoreOffset(offset);
            }

            _client.Commit(beginning);
        }
        catch (KafkaException e)
        {
            KafkaLog.BeginningNotCommitted(_logger, string.Join(", ", partitions), e.Error.Reason);
        }
    }

    /// <summary>Commits what is stored and leaves the group.</summary>
    public void Close()
    {
        try
        {
            _client.Close();
        }
        catch (KafkaException e)
        {
            KafkaLog.CloseFailed(_logger, e.Error.Code.ToString(), e.Error.Reason);
        }
    }

    public void Dispose()
    {
        _admin.Dispose();
        _client.Dispose();
    }

    private static PartitionId Id(TopicPartition partition) => new(partition.Topic, partition.Partition.Value);

    private static TopicPartition Partition(PartitionId id) => new(id.Topic, new Partition(id.Partition));

    private static IncomingRecord Record(ConsumeResult<byte[]?, byte[]?> result, Message<byte[]?, byte[]?> message)
    {
        var headers = new EventHeaders();
        // By place: the binding's enumerator is two objects, for every record.
        for (var i = 0; i < (message.Headers?.Count ?? 0); i++)
        {
            var header = message.Headers![i];
            // Kafka allows a header without a name; nothing could ask for it.
            if (header.Key.Length > 0)
            {
                headers.Add(header.Key, header.GetValueBytes());
            }
        }

        return new IncomingRecord
        {
            Topic = result.Topic,
            Partition = result.Partition.Value,
            Offset = result.Offset.Value,
            LeaderEpoch = result.LeaderEpoch,
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(message.Timestamp.UnixTimestampMs, 0, MaxTimestamp)),
            Key = message.Key,
            Value = message.Value,
            Headers = headers,
        };
    }

    private void OnAssigned(IAssignmentListener listener, PartitionId[] partitions)
    {
        foreach (var partition in partitions)
        {
            // It belonged to an earlier assignment.
            _ends.Remove(partition);
        }

        listener.Assigned(partitions);
    }

    private void OnError(Error error)
    {
        if (error.IsFatal)
        {
            _fatal = error;
        }
        else
        {
            KafkaLog.ClientError(_logger, error.Code.ToString(), error.Reason);
        }
    }
}
