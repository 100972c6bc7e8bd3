using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus;

/// <summary>One consumer as it will run.</summary>
internal sealed record ConsumerSettings
{
    public required string Name { get; init; }

    public required Type ConsumerType { get; init; }

    public required IReadOnlyList<EventType> EventTypes { get; init; }

    /// <summary>Whether it takes batches, by <see cref="IEventBatchConsumer{TEvent}"/>.</summary>
    public bool IsBatch { get; init; }

    public required string Group { get; init; }

    public required ConsumerOptions Options { get; init; }

    /// <summary>The context whose database holds its inbox; <see langword="null"/> in a service without a database.</summary>
    public required Type? ContextType { get; init; }
}
