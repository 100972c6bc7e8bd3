using System.Text;
using Confluent.Kafka;

namespace Shop.Demo;

/// <summary>
/// Sends every tenth record a second time, byte for byte, as a producer does that lost the acknowledgement. Each service has
/// to drop it.
/// </summary>
internal sealed class Repeater(Topics topics, Broker broker)
{
    private const int Every = 10;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private int _seen;
    private int _sent;
    private int _expectedDrops;

    public int Sent => Volatile.Read(ref _sent);

    /// <summary>How many times a service has to drop one of them: each one that handles the event does.</summary>
    public int ExpectedDrops => Volatile.Read(ref _expectedDrops);

    /// <summary>Runs until it is told to stop; everything it sent is acknowledged then.</summary>
    public Task RunAsync(CancellationToken stop) => Task.Factory.StartNew(() => Run(stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run(CancellationToken stop)
    {
        using var consumer = topics.Open("repeater");
        using var producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = broker.BootstrapServers, LingerMs = 0 })
            .SetLogHandler((_, _) => { })
            .Build();
        consumer.Assign(topics.Partitions(Flow.Topics).Select(partition => new TopicPartitionOffset(partition, Offset.Beginning)));
        while (!stop.IsCancellationRequested)
        {
            if (consumer.Consume(Poll) is { } record && Topics.Header(record.Message.Headers, Topics.RepeatHeader) is null && _seen++ % Every == 0)
            {
                Repeat(producer, record);
            }
        }

        producer.Flush(CancellationToken.None);
    }

    private void Repeat(IProducer<byte[], byte[]> producer, ConsumeResult<byte[], byte[]> record)
    {
        record.Message.Headers.Add(Topics.RepeatHeader, Encoding.UTF8.GetBytes("1"));
        producer.Produce(record.TopicPartition, record.Message);
        Interlocked.Increment(ref _sent);
        Interlocked.Add(ref _expectedDrops, Flow.HandlersOf(Topics.Header(record.Message.Headers, "ce_type") ?? ""));
    }
}
