using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Which consumers of a group a record is for. Immutable.</summary>
internal sealed class EventRoutes
{
    private readonly Dictionary<(string Topic, string Type), Route> _byType;
    private readonly Dictionary<string, Route> _defaults;
    private readonly ILookup<string, ConsumerPipeline> _byTopic;

    public EventRoutes(IReadOnlyList<ConsumerPipeline> consumers)
    {
        var pairs = consumers.SelectMany(consumer => consumer.Consumer.EventTypes.Distinct().Select(type => (Type: type, Consumer: consumer))).ToList();
        _byType = pairs.GroupBy(pair => pair.Type).ToDictionary(
            group => (group.Key.Topic, group.Key.Name),
            group => new Route(group.Key, [.. group.Select(pair => pair.Consumer)]));
        _defaults = _byType.Values.Where(route => route.Type.IsTopicDefault).ToDictionary(route => route.Type.Topic, StringComparer.Ordinal);
        _byTopic = pairs.DistinctBy(pair => (pair.Type.Topic, pair.Consumer)).ToLookup(pair => pair.Type.Topic, pair => pair.Consumer, StringComparer.Ordinal);
    }

    public IEnumerable<string> Topics => _byTopic.Select(topic => topic.Key);

    /// <summary>Everyone whom a record of the topic may be for, when its type can't be told.</summary>
    public IReadOnlyList<ConsumerPipeline> ConsumersOf(string topic) => [.. _byTopic[topic]];

    /// <summary>The type's name, empty where neither record nor topic has one, and its route, <see langword="null"/> where none is known.</summary>
    public (string TypeName, Route? Route) Find(IncomingRecord record)
    {
        if (record.Headers[Headers.Type] is { Length: > 0 } name)
        {
            return (name, _byType.GetValueOrDefault((record.Topic, name)));
        }

        return _defaults.TryGetValue(record.Topic, out var route) ? (route.Type.Name, route) : ("", null);
    }

    internal sealed record Route(EventType Type, IReadOnlyList<ConsumerPipeline> Consumers);
}
