using Confluent.Kafka;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Has a group start at the latest record. Invariant: it starts once at each topic; a position that it has is never moved, and
/// everything without one is read from its beginning. Across the clients of one group; used by the thread that polls, alone.
/// </summary>
/// <param name="isNew">Whether a topic was made anew under the group, which reads all of it.</param>
internal sealed class LatestStart(Func<string, bool> isNew)
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(10);

    private readonly HashSet<string> _begun = new(StringComparer.Ordinal);

    /// <summary>
    /// Commits the ends of topics at which the group has no position, of each partition, whoever has it. Blocks; called for what is
    /// assigned, before it is read.
    /// </summary>
    /// <exception cref="KafkaException">There was no answer, or a partition has no leader: nothing may be read until there is one.</exception>
    public void Begin(IConsumer<byte[]?, byte[]?> client, IAdminClient admin, IEnumerable<string> topics)
    {
        foreach (var topic in topics.Distinct().Where(topic => isNew(topic) || !_begun.Contains(topic)))
        {
            try
            {
                Begin(client, admin, topic);
                _begun.Add(topic);
            }
            catch (KafkaException e) when (IsRefused(e))
            {
                // The client says so itself, of this topic alone. Whether there is a position is unknown, so when it may be read it is from
                // there or from the beginning.
            }
        }
    }

    private static bool IsRefused(KafkaException e) =>
        e.Error.Code is ErrorCode.TopicAuthorizationFailed
        || (e is TopicPartitionOffsetException some && some.Results.Exists(result => result.Error.Code is ErrorCode.TopicAuthorizationFailed));

    private void Begin(IConsumer<byte[]?, byte[]?> client, IAdminClient admin, string topic)
    {
        var description = admin.GetMetadata(topic, AnswerLimit).Topics.Single();
        if (description.Error.IsError)
        {
            throw new KafkaException(description.Error);
        }

        var partitions = description.Partitions.ConvertAll(partition => new TopicPartition(topic, partition.PartitionId));
        if (HasNone())
        {
            var start = partitions.ConvertAll(partition => new TopicPartitionOffset(partition, isNew(topic) ? 0 : client.QueryWatermarkOffsets(partition, AnswerLimit).High));

            // Asked again: another member may have begun meanwhile, and what came after that is the group's.
            if (HasNone())
            {
                client.Commit(start);
            }
        }

        bool HasNone() => client.Committed(partitions, AnswerLimit).TrueForAll(position => position.Offset == Offset.Unset);
    }
}
