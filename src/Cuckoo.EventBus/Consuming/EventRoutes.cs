using System.Text;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Which consumers of a group a record is for. Immutable.</summary>
internal sealed class EventRoutes
{
    private readonly Dictionary<string, Route[]> _routes;
    private readonly Dictionary<string, Route> _defaults;
    private readonly ILookup<string, ConsumerPipeline> _byTopic;

    public EventRoutes(IReadOnlyList<ConsumerPipeline> consumers)
    {
        var pairs = consumers.SelectMany(consumer => consumer.Consumer.EventTypes.Distinct().Select(type => (Type: type, Consumer: consumer))).ToList();
        var routes = pairs.GroupBy(pair => pair.Type).Select(group => new Route(group.Key, [.. group.Select(pair => pair.Consumer)])).ToList();
        _routes = routes.GroupBy(route => route.Type.Topic, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        _defaults = routes.Where(route => route.Type.IsTopicDefault).ToDictionary(route => route.Type.Topic, StringComparer.Ordinal);
        _byTopic = pairs.DistinctBy(pair => (pair.Type.Topic, pair.Consumer)).ToLookup(pair => pair.Type.Topic, pair => pair.Consumer, StringComparer.Ordinal);
    }

    public IEnumerable<string> Topics => _byTopic.Select(topic => topic.Key);

    /// <summary>Everyone whom a record of the topic may be for, when its type can't be told.</summary>
    public IReadOnlyList<ConsumerPipeline> ConsumersOf(string topic) => [.. _byTopic[topic]];

    /// <summary>The type's name, empty where neither record nor topic has one, and its route, <see langword="null"/> where none is known.</summary>
    public (string TypeName, Route? Route) Find(IncomingRecord record)
    {
        if (record.Headers.GetBytes(Headers.Type) is { Length: > 0 } name)
        {
            // A topic has few types: to compare the bytes with each is faster than to make a text of them and look that up.
            foreach (var known in _routes.GetValueOrDefault(record.Topic, []))
            {
                if (name.AsSpan().SequenceEqual(known.Type.NameBytes))
                {
                    return (known.Type.Name, known);
                }
            }

            return (Encoding.UTF8.GetString(name), null);
        }

        return _defaults.TryGetValue(record.Topic, out var route) ? (route.Type.Name, route) : ("", null);
    }

    internal sealed record Route(EventType Type, IReadOnlyList<ConsumerPipeline> Consumers);
}
