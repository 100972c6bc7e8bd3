using Cuckoo.EventBus;
using Cuckoo.EventBus.Testing;

namespace Samples.Tests.Readme;

internal static class TestingAService
{
    public static async Task OnEmbeddedKafkaAsync(Func<EmbeddedKafka, Task> test)
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("order-events", partitions: 3);
        kafka.CreateTopic("dead-letter-queue", partitions: 1);
        await test(kafka);
    }

    /// <summary>What the README says of a consumer's unit test.</summary>
    public static Task ConsumeAsync(ChargeOrder consumer, OrderCreatedEvent e, CancellationToken ct) =>
        consumer.ConsumeAsync(e, new EventContext { EventId = "1" }, ct);
}
