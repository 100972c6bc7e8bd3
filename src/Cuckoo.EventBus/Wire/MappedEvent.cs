using System.Text.Json;

namespace Cuckoo.EventBus.Wire;

/// <summary>What <c>Map</c> said of a CLR type; unset where it said nothing.</summary>
internal sealed record MappedEvent
{
    public string? Name { get; init; }

    public string? Topic { get; init; }

    public EventNaming? Naming { get; init; }

    public bool? IsTopicDefault { get; init; }

    public Func<object, string?>? Key { get; init; }

    public Func<object, string?>? Id { get; init; }

    public JsonSerializerOptions? Json { get; init; }

    public static MappedEvent From<TEvent>(EventMapping<TEvent> mapping)
        where TEvent : class => new()
        {
            Name = mapping.Name,
            Topic = mapping.Topic,
            Naming = mapping.Naming,
            IsTopicDefault = mapping.IsTopicDefault,
            Key = mapping.Key is { } key ? e => key((TEvent)e) : null,
            Id = mapping.Id is { } id ? e => id((TEvent)e) : null,
            Json = mapping.Json,
        };
}
