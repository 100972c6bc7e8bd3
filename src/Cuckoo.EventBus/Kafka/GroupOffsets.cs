using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Cuckoo.EventBus.Kafka;

/// <summary>The committed positions of one group, seen and set from outside of it. Safe for concurrent use.</summary>
internal sealed class GroupOffsets(KafkaClients clients, string group, IEnumerable<string> topics)
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(10);

    /// <summary>Whether the group has a position at any partition, be it of topics that it reads no longer.</summary>
    /// <exception cref="KafkaException">There was no answer.</exception>
    public async Task<bool> AnyAsync()
    {
        using var admin = clients.Admin();
        var results = await admin.ListConsumerGroupOffsetsAsync(
            [new ConsumerGroupTopicPartitions(group, null)], new ListConsumerGroupOffsetsOptions { RequestTimeout = AnswerLimit }).ConfigureAwait(false);
        return results.Exists(result => result.Partitions.Exists(partition => !partition.Error.IsError && partition.Offset.Value >= 0));
    }

    /// <summary>Commits a position at every partition of the group's topics, for all members to come.</summary>
    /// <param name="startFrom">Where; ignored with a time.</param>
    /// <param name="time">The first record of this time or later, or the end.</param>
    /// <param name="ct">Ends the waiting.</param>
    /// <exception cref="EventBusException">Kafka refused it.</exception>
    public async Task SetAsync(StartFrom startFrom, DateTimeOffset? time, CancellationToken ct)
    {
        using var admin = clients.Admin();
        try
        {
            var wanted = topics.ToHashSet(StringComparer.Ordinal);
            // Of all topics: asking for single ones creates them on brokers that create topics by themselves.
            var metadata = await Task.Run(() => admin.GetMetadata(AnswerLimit), ct).ConfigureAwait(false);
            List<TopicPartition> partitions =
                [.. metadata.Topics.Where(topic => wanted.Contains(topic.Topic)).SelectMany(topic => topic.Partitions.Select(partition => new TopicPartition(topic.Topic, partition.PartitionId)))];
            var spec = time is { } at ? OffsetSpec.ForTimestamp(at.ToUnixTimeMilliseconds()) : startFrom is StartFrom.Latest ? OffsetSpec.Latest() : OffsetSpec.Earliest();
            var offsets = await AskAsync(admin, partitions, spec, ct).ConfigureAwait(false);

            // Nothing as late as that: its end.
            var beyond = offsets.Where(offset => offset.Offset.Value < 0).Select(offset => offset.TopicPartition).ToList();
            var ends = beyond.Count == 0 ? [] : await AskAsync(admin, beyond, OffsetSpec.Latest(), ct).ConfigureAwait(false);
            List<TopicPartitionOffset> positions = [.. offsets.Where(offset => offset.Offset.Value >= 0), .. ends];
            await admin.AlterConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitionOffsets(group, positions)]).WaitAsync(ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KafkaException or AlterConsumerGroupOffsetsException or ListOffsetsException)
        {
            throw new EventBusException($"The positions of group '{group}' could not be committed: {e.Message} Another member may have joined meanwhile; if not, look at the brokers and at this client's rights.", e);
        }
    }

    private static async Task<List<TopicPartitionOffset>> AskAsync(IAdminClient admin, IEnumerable<TopicPartition> partitions, OffsetSpec spec, CancellationToken ct)
    {
        var answer = await admin.ListOffsetsAsync(partitions.Select(partition => new TopicPartitionOffsetSpec { TopicPartition = partition, OffsetSpec = spec })).WaitAsync(ct).ConfigureAwait(false);
        return [.. answer.ResultInfos.Select(info => info.TopicPartitionOffsetError.TopicPartitionOffset)];
    }
}
