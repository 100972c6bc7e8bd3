using Confluent.Kafka;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>The producer of every hand-written side: as durable as the bus's, otherwise librdkafka's defaults.</summary>
internal static class Producer
{
    public static IProducer<byte[], byte[]> Create(string bootstrapServers, double? lingerMs)
    {
        var config = new ProducerConfig
        {
            BootstrapServers = bootstrapServers,
            Acks = Acks.All,
            EnableIdempotence = true,
            Partitioner = Partitioner.Murmur2Random,
            // Nobody reads what would come back with the acknowledgement.
            DeliveryReportFields = "none",
        };
        if (lingerMs is { } linger)
        {
            config.LingerMs = linger;
        }

        return new ProducerBuilder<byte[], byte[]>(config).Build();
    }
}
