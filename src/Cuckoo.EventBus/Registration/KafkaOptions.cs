namespace Cuckoo.EventBus;

/// <summary>Settings that go to librdkafka as they are, by librdkafka's names.</summary>
/// <remarks>
/// Settings that would break one of the bus's promises (<c>acks</c>, <c>enable.auto.commit</c>, <c>partitioner</c>, …) are
/// refused when the host starts. Source of the names: librdkafka's CONFIGURATION.md.
/// </remarks>
public sealed class KafkaOptions
{
    /// <summary>For every client. Configuration: <c>EventBus:Kafka</c>.</summary>
    public IDictionary<string, string> Common { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>For producers. Configuration: <c>EventBus:Kafka:Producer</c>.</summary>
    public IDictionary<string, string> Producer { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>For consumers. Configuration: <c>EventBus:Kafka:Consumer</c>.</summary>
    public IDictionary<string, string> Consumer { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
