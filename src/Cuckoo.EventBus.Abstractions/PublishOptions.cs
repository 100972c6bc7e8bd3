namespace Cuckoo.EventBus;

/// <summary>What one call of a publisher does differently from the event type's defaults.</summary>
public sealed record PublishOptions
{
    /// <summary>The partition key. Default: <see langword="null"/>, the event's own (<see cref="DomainEvent.PartitionKey"/>).</summary>
    public string? Key { get; init; }

    /// <summary>Headers to send besides the bus's own. Names of the bus's own headers are refused. Default: none.</summary>
    public EventHeaders Headers { get; init; } = [];

    /// <summary>
    /// Not to be delivered before this time; usually within a second after. Default: <see langword="null"/>, at once.
    /// A delayed event has no order with others of its key, and needs an outbox.
    /// </summary>
    public DateTimeOffset? DeliverAt { get; init; }
}
