using Confluent.Kafka;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>Which records of each partition are done, when several workers finish them in any order. Safe for concurrent use.</summary>
internal sealed class Finished(IConsumer<byte[], byte[]> consumer)
{
    private readonly Dictionary<TopicPartition, Queue<Entry>> _partitions = [];

    public Entry Begin(ConsumeResult<byte[], byte[]> result)
    {
        lock (_partitions)
        {
            if (!_partitions.TryGetValue(result.TopicPartition, out var queue))
            {
                _partitions[result.TopicPartition] = queue = new Queue<Entry>();
            }

            var entry = new Entry(result);
            queue.Enqueue(entry);
            return entry;
        }
    }

    public void Done(Entry entry)
    {
        lock (_partitions)
        {
            entry.IsDone = true;
            var queue = _partitions[entry.Result.TopicPartition];
            ConsumeResult<byte[], byte[]>? last = null;
            while (queue.TryPeek(out var oldest) && oldest.IsDone)
            {
                last = queue.Dequeue().Result;
            }

            if (last is not null)
            {
                consumer.StoreOffset(last);
            }
        }
    }

    internal sealed class Entry(ConsumeResult<byte[], byte[]> result)
    {
        public ConsumeResult<byte[], byte[]> Result => result;

        public bool IsDone { get; set; }
    }
}
