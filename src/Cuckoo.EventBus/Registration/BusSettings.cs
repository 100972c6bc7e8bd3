using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus;

/// <summary>The whole configuration, read once: what the other folders work with.</summary>
internal sealed class BusSettings
{
    /// <summary>Kafka's own default for topics is the broker's; the bus's is written down here, as its documentation says.</summary>
    private static readonly TimeSpan DefaultRetention = TimeSpan.FromDays(7);
    private static readonly TimeSpan DefaultDeadLetterRetention = TimeSpan.FromDays(30);

    public required EventBusOptions Options { get; init; }

    public required EventTypes Types { get; init; }

    /// <summary>The contexts that have an outbox.</summary>
    public required IReadOnlyList<Type> Outboxes { get; init; }

    public required IReadOnlyList<ConsumerSettings> Consumers { get; init; }

    /// <summary>The event types that the service said it publishes.</summary>
    public required IReadOnlyList<EventType> Published { get; init; }

    public required IReadOnlyList<Action<EventHeaders>> PublishHooks { get; init; }

    public required IReadOnlyList<Func<EventContext, Func<Task>, Task>> ConsumeHooks { get; init; }

    public required Func<IServiceProvider, CancellationToken, Task<OAuthBearerToken>>? TokenSource { get; init; }

    /// <summary>What is wrong with it, one sentence per error.</summary>
    public required IReadOnlyList<string> Errors { get; init; }

    /// <summary>The dead letters' topic, with the prefix.</summary>
    public string DeadLetterTopic => Options.TopicPrefix + Options.DeadLetterTopic;

    /// <summary>A topic that is there when the host runs; <see langword="null"/> where none is known.</summary>
    public string? AnyTopic => Consumers.SelectMany(consumer => consumer.EventTypes).Concat(Published).FirstOrDefault()?.Topic
        ?? Options.Topics.Keys.Select(topic => Options.TopicPrefix + topic).FirstOrDefault();

    /// <summary>The largest record of a topic that is named with its prefix, in bytes.</summary>
    public int MaxMessageBytes(string topic) => OfTopic(topic, static t => t.MaxMessageBytes) ?? 1_000_000;

    /// <summary>What becomes of a topic's records of unknown types.</summary>
    public UnknownEventTypes UnknownTypesOf(string topic) => OfTopic(topic, static t => t.UnknownTypes) ?? UnknownEventTypes.Skip;

    /// <summary>How long a topic keeps its records, as far as the bus is told.</summary>
    public TimeSpan RetentionOf(string topic) =>
        OfTopic(topic, static t => t.Retention) ?? (topic == DeadLetterTopic ? DefaultDeadLetterRetention : DefaultRetention);

    /// <summary>A setting of a topic that is named with its prefix, or else of the defaults.</summary>
    public T? OfTopic<T>(string topic, Func<TopicOptions, T?> value)
        where T : struct
    {
        var name = topic.StartsWith(Options.TopicPrefix, StringComparison.Ordinal) ? topic[Options.TopicPrefix.Length..] : topic;
        return (Options.Topics.TryGetValue(name, out var own) ? value(own) : null) ?? value(Options.TopicDefaults);
    }

    /// <exception cref="EventBusConfigurationException">There are errors.</exception>
    public void ThrowIfInvalid()
    {
        if (Errors.Count > 0)
        {
            throw new EventBusConfigurationException(Errors);
        }
    }
}
