using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.HandWritten;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sample;

namespace Cuckoo.EventBus.Benchmarks.Backlog;

/// <summary>Fills a topic. It can be read by one group after the other.</summary>
internal static class TopicWriter
{
    /// <param name="bench">The run.</param>
    /// <param name="target">Whose topic.</param>
    /// <param name="count">How many records.</param>
    /// <param name="isTraced">Whether they carry all headers that the bus's publisher sends, or three: id, source and type.</param>
    /// <param name="keyOf">The key of the n-th; any of the usual ones without it.</param>
    public static async Task FillAsync(Bench bench, Target target, int count, bool isTraced = false, Func<int, string>? keyOf = null)
    {
        using var producer = Producer.Create(bench.Kafka.BootstrapServers, lingerMs: null);
        Error? failure = null;
        for (var i = 0; i < count; i++)
        {
            var record = OutboxRecord.From(BenchEvent.Create(i, DateTimeOffset.UtcNow, keyOf?.Invoke(i)), isTraced ? TraceParents.Next() : null);
            await ProduceAsync(record.ToMessage(hasSpecVersion: isTraced));
        }

        producer.Flush(TimeSpan.FromMinutes(1));
        if (failure is not null)
        {
            throw new MeasureFailedException($"The topic could not be filled: {failure.Reason}");
        }

        async Task ProduceAsync(Message<byte[], byte[]> message)
        {
            while (true)
            {
                try
                {
                    producer.Produce(target.ForSide.Topic, message, report => failure = report.Error.IsError ? report.Error : failure);
                    return;
                }
                catch (ProduceException<byte[], byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
                {
                    await Task.Delay(10);
                }
            }
        }
    }
}
