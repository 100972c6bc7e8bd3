namespace Cuckoo.EventBus;

/// <summary>Which events of the outbox: those for which everything that is set here holds.</summary>
public sealed record OutboxFilter
{
    /// <summary>Rows by their ids. Default: any.</summary>
    public IReadOnlyCollection<long>? Ids { get; init; }

    /// <summary>Where they stand. Default: any state.</summary>
    public OutboxEntryState? State { get; init; }

    /// <summary>The topic, with the prefix. Default: any.</summary>
    public string? Topic { get; init; }

    /// <summary>The partition key. Default: any, or none.</summary>
    public string? Key { get; init; }

    /// <summary>The event's name on the wire. Default: any.</summary>
    public string? EventType { get; init; }

    /// <summary>The event's identity. Default: any.</summary>
    public string? EventId { get; init; }

    /// <summary>Published at this time or later. Default: any time.</summary>
    public DateTimeOffset? CreatedFrom { get; init; }

    /// <summary>Published before this time. Default: any time.</summary>
    public DateTimeOffset? CreatedBefore { get; init; }

    internal bool IsEmpty => this == new OutboxFilter();
}
