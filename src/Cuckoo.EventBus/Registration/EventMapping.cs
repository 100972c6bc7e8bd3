using System.Text.Json;

namespace Cuckoo.EventBus;

/// <summary>Names a contract one does not own, or overrides what its <see cref="EventAttribute"/> says.</summary>
/// <typeparam name="TEvent">The contract; it need not be a <see cref="DomainEvent"/>.</typeparam>
public sealed class EventMapping<TEvent>
    where TEvent : class
{
    /// <summary>The event type's name on the wire. Default: the attribute's.</summary>
    public string? Name { get; set; }

    /// <summary>The topic, without the prefix. Default: the attribute's.</summary>
    public string? Topic { get; set; }

    /// <summary>How properties are named in the JSON. Default: the attribute's, else camelCase.</summary>
    public EventNaming? Naming { get; set; }

    /// <summary>Whether records of the topic without a <c>ce_type</c> header are of this type. Default: the attribute's.</summary>
    public bool? IsTopicDefault { get; set; }

    /// <summary>The partition key of an event. Default: <see cref="DomainEvent.PartitionKey"/>, else none.</summary>
    public Func<TEvent, string?>? Key { get; set; }

    /// <summary>
    /// The identity of an event. Default: <see cref="DomainEvent.EventId"/>, else a new UUID at each publish. Called for an
    /// arrived event too, where its record has no <c>ce_id</c> header.
    /// </summary>
    public Func<TEvent, string?>? Id { get; set; }

    /// <summary>
    /// The JSON options, a source-generated context's for instance, instead of the bus's own. Default: <see langword="null"/>.
    /// </summary>
    public JsonSerializerOptions? Json { get; set; }
}
