using System.Buffers.Text;
using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>The consumer of every hand-written side: commits what was handled, otherwise librdkafka's defaults.</summary>
internal static class Consumer
{
    /// <summary>How long a stop may go unnoticed.</summary>
    public static readonly TimeSpan PollTimeout = TimeSpan.FromMilliseconds(100);

    public static IConsumer<byte[], byte[]> Create(SideTarget target)
    {
        var consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig
        {
            BootstrapServers = target.BootstrapServers,
            GroupId = target.Consumption!.Group,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnableAutoCommit = true,
            EnableAutoOffsetStore = false,
            // By default a client whose queue was full fetches nothing for a second, and a fast loop has emptied it by then.
            FetchQueueBackoffMs = 10,
        }).Build();
        consumer.Subscribe(target.Topic);
        return consumer;
    }

    /// <summary>Whether the record is of the type that is known here.</summary>
    public static bool IsKnown(Message<byte[], byte[]> message) =>
        message.Headers.TryGetLastBytes("ce_type", out var type) && type.AsSpan().SequenceEqual(Type);

    public static Guid EventId(Message<byte[], byte[]> message) =>
        message.Headers.TryGetLastBytes("ce_id", out var id) && Utf8Parser.TryParse(id, out Guid eventId, out _) ? eventId : throw new FormatException("A record without an id.");

    private static ReadOnlySpan<byte> Type => "bench.happened"u8;
}
