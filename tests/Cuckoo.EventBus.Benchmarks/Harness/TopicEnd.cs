using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>How many records a topic has, asked by one request for all partitions.</summary>
internal static class TopicEnd
{
    public static async Task<long> CountAsync(Bench bench, string topic)
    {
        var ends = await bench.Kafka.Admin.ListOffsetsAsync(
            Enumerable.Range(0, Target.Partitions).Select(p => new TopicPartitionOffsetSpec { TopicPartition = new TopicPartition(topic, p), OffsetSpec = OffsetSpec.Latest() }),
            new ListOffsetsOptions { IsolationLevel = IsolationLevel.ReadUncommitted });
        return ends.ResultInfos.Sum(info => info.TopicPartitionOffsetError.Offset.Value);
    }

    /// <summary>Waits until it has so many.</summary>
    public static async Task ReachesAsync(Bench bench, string topic, long count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        while (await CountAsync(bench, topic) < count)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), limit.Token);
        }
    }
}
