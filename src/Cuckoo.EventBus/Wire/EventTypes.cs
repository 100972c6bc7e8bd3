using System.Collections.Concurrent;
using System.Reflection;

namespace Cuckoo.EventBus.Wire;

/// <summary>The names of event types, from <see cref="EventAttribute"/> and <c>Map</c>. Safe for concurrent use.</summary>
internal sealed class EventTypes(
    string topicPrefix,
    IReadOnlyDictionary<Type, MappedEvent> mapped,
    IReadOnlyDictionary<string, IEventBytesSerializer> serializersByTopic)
{
    /// <summary>The longest name that the tables hold.</summary>
    private const int MaxNameLength = 200;

    /// <summary>Kafka's own limit (org.apache.kafka.common.internals.Topic).</summary>
    private const int MaxTopicLength = 249;

    private readonly ConcurrentDictionary<Type, EventType> _types = new();
    private readonly JsonEventSerializer _camelCase = JsonEventSerializer.For(EventNaming.CamelCase);
    private readonly JsonEventSerializer _snakeCase = JsonEventSerializer.For(EventNaming.SnakeCase);

    /// <exception cref="EventBusException">The type has no usable name or topic; the message says what to do.</exception>
    public EventType Of(Type clrType) => _types.GetOrAdd(clrType, Describe);

    /// <summary>What is wrong with a topic's name, <see langword="null"/> if nothing is.</summary>
    public static string? TopicNameError(string topic) =>
        topic.Length is 0 or > MaxTopicLength || topic is "." or ".." || !topic.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
            ? $"'{topic}' is no topic name: 1 to {MaxTopicLength} of the characters a-z, A-Z, 0-9, '.', '_' and '-'."
            : null;

    private EventType Describe(Type clrType)
    {
        var attribute = clrType.GetCustomAttribute<EventAttribute>(inherit: false);
        mapped.TryGetValue(clrType, out var map);

        var name = map?.Name ?? attribute?.Name ?? "";
        var topic = map?.Topic ?? attribute?.Topic ?? "";
        var advice = $"Give {clrType.Name} the attribute [Event(\"its.name\", Topic = \"its-topic\")], or name it with Map<{clrType.Name}>(…) in AddCuckooEventBus.";
        if (name.Length is 0 or > MaxNameLength || name.Any(char.IsControl))
        {
            throw new EventBusException($"{clrType.Name} has no event name of 1 to {MaxNameLength} characters ('{name}'). {advice}");
        }

        if (topic.Length == 0)
        {
            throw new EventBusException($"{clrType.Name} ('{name}') has no topic. {advice}");
        }

        if (TopicNameError(topicPrefix + topic) is { } error)
        {
            throw new EventBusException($"{clrType.Name} ('{name}'): {error}");
        }

        var naming = map?.Naming ?? attribute?.Naming ?? EventNaming.CamelCase;
        var json = map?.Json is { } options ? new JsonEventSerializer(options)
            : naming == EventNaming.SnakeCase ? _snakeCase : _camelCase;
        return new EventType
        {
            ClrType = clrType,
            Name = name,
            Topic = topicPrefix + topic,
            IsTopicDefault = map?.IsTopicDefault ?? attribute?.IsTopicDefault ?? false,
            Serializer = serializersByTopic.GetValueOrDefault(topic, json),
            Key = map?.Key ?? (static e => (e as DomainEvent)?.PartitionKey),
            Id = map?.Id ?? (static e => (e as DomainEvent)?.EventId.ToString()),
            MappedId = map?.Id,
        };
    }
}
