using System.Text;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Which consumers of a group a record is for. Immutable.</summary>
internal sealed class EventRoutes
{
    private readonly Dictionary<string, Route[]> _routes;
    private readonly Dictionary<string, Route> _defaults;
    private readonly Dictionary<string, Route> _unreadable;
    private readonly HashSet<string> _keepsUnknownTypes;

    /// <param name="consumers">Those that take records one by one.</param>
    /// <param name="batches">Those that take batches.</param>
    /// <param name="keepsUnknownTypes">Whether a topic's records of an unknown type are kept, parked or as dead letters, and not passed over.</param>
    public EventRoutes(IReadOnlyList<ConsumerPipeline> consumers, IReadOnlyList<BatchPipeline> batches, Func<string, bool> keepsUnknownTypes)
    {
        Consumers = consumers;
        var pairs = consumers.SelectMany(consumer => TypesOf(consumer.Consumer).Select(type => (Type: type, Single: (ConsumerPipeline?)consumer, Batch: (BatchPipeline?)null)))
            .Concat(batches.SelectMany(batch => TypesOf(batch.Consumer).Select(type => (Type: type, Single: (ConsumerPipeline?)null, Batch: (BatchPipeline?)batch))))
            .ToList();
        var routes = pairs.GroupBy(pair => pair.Type).Select(group => RouteOf(group.Key, group)).ToList();
        _routes = routes.GroupBy(route => route.Type!.Topic, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        _defaults = routes.Where(route => route.Type!.IsTopicDefault).ToDictionary(route => route.Type!.Topic, StringComparer.Ordinal);
        _unreadable = pairs.GroupBy(pair => pair.Type.Topic, StringComparer.Ordinal).ToDictionary(group => group.Key, group => RouteOf(null, group), StringComparer.Ordinal);
        _keepsUnknownTypes = [.. _unreadable.Keys.Where(keepsUnknownTypes)];

        static IEnumerable<EventType> TypesOf(ConsumerSettings consumer) => consumer.EventTypes.Distinct();

        static Route RouteOf(EventType? type, IEnumerable<(EventType Type, ConsumerPipeline? Single, BatchPipeline? Batch)> pairs) => new(
            type, [.. pairs.Select(pair => pair.Single).OfType<ConsumerPipeline>().Distinct()], [.. pairs.Select(pair => pair.Batch).OfType<BatchPipeline>().Distinct()]);
    }

    public IEnumerable<string> Topics => _unreadable.Keys;

    /// <summary>Those that take records one by one.</summary>
    public IReadOnlyList<ConsumerPipeline> Consumers { get; }

    /// <summary>The type's name, empty where neither record nor topic has one, and its route, <see langword="null"/> for a record to pass over.</summary>
    public (string TypeName, Route? Route) Find(IncomingRecord record)
    {
        if (record.Headers.GetBytes(Headers.Type) is not { Length: > 0 } name)
        {
            return _defaults.TryGetValue(record.Topic, out var byDefault) ? (byDefault.Type!.Name, byDefault) : ("", _unreadable.GetValueOrDefault(record.Topic));
        }

        // A topic has few types: to compare the bytes with each is faster than to make a text of them and look that up.
        foreach (var known in _routes.GetValueOrDefault(record.Topic, []))
        {
            if (name.AsSpan().SequenceEqual(known.Type!.NameBytes))
            {
                return (known.Type.Name, known);
            }
        }

        return (Encoding.UTF8.GetString(name), _keepsUnknownTypes.Contains(record.Topic) ? _unreadable[record.Topic] : null);
    }

    /// <param name="Type"><see langword="null"/> where it can't be told: then the record is dead, or parked, for everyone whom it may be for.</param>
    /// <param name="Consumers">Those that take it by itself.</param>
    /// <param name="Batches">Those that take it in a batch.</param>
    internal sealed record Route(EventType? Type, ConsumerPipeline[] Consumers, BatchPipeline[] Batches);
}
