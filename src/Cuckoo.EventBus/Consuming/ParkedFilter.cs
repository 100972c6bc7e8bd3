namespace Cuckoo.EventBus;

/// <summary>Which parked records: those for which everything that is set here holds.</summary>
public sealed record ParkedFilter
{
    /// <summary>Records by their ids. Default: any.</summary>
    public IReadOnlyCollection<long>? Ids { get; init; }

    /// <summary>
    /// Whether a record is the first parked one of its key, which the others wait for, or has no key. Default:
    /// <see langword="null"/>, both those and the ones behind.
    /// </summary>
    public bool? IsFirst { get; init; }

    /// <summary>The consumer group. Default: any.</summary>
    public string? Group { get; init; }

    /// <summary>The consumer that parked the record. Default: any.</summary>
    public string? Consumer { get; init; }

    /// <summary>The record's topic, with the prefix. Default: any.</summary>
    public string? Topic { get; init; }

    /// <summary>The record's partition. Default: any.</summary>
    public int? Partition { get; init; }

    /// <summary>The record's key. Default: any, or none.</summary>
    public string? Key { get; init; }

    /// <summary>The event's name on the wire. Default: any.</summary>
    public string? EventType { get; init; }

    /// <summary>The event's identity. Default: any.</summary>
    public string? EventId { get; init; }

    /// <summary>Parked at this time or later. Default: any time.</summary>
    public DateTimeOffset? ParkedFrom { get; init; }

    /// <summary>Parked before this time. Default: any time.</summary>
    public DateTimeOffset? ParkedBefore { get; init; }

    internal bool IsEmpty => this == new ParkedFilter();
}
