using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>The service's consumers that have their inbox in one database: whatever else has rows there, nobody runs.</summary>
internal sealed class KnownConsumers(EventBusDatabase database, EventBusDatabases databases, BusSettings settings)
{
    private readonly List<ConsumerSettings> _consumers =
        [.. settings.Consumers.Where(consumer => consumer.ContextType is { } type && databases.Find(type) == database)];

    public bool IsEmpty => _consumers.Count == 0;

    public IEnumerable<string> Names => _consumers.Select(consumer => consumer.Name);

    public ConsumerSettings? Find(string name) => _consumers.Find(consumer => consumer.Name == name);

    /// <summary>Whether there is such a consumer, and it reads that topic.</summary>
    public bool Reads(string group, string consumer, string topic) =>
        Find(consumer) is { } known && known.Group == group && known.EventTypes.Any(type => type.Topic == topic);
}
