namespace Cuckoo.EventBus;

/// <summary>Which dead letters: those for which everything that is set here holds.</summary>
public sealed record DeadLetterFilter
{
    /// <summary>Letters by their ids. Default: any.</summary>
    public IReadOnlyCollection<long>? Ids { get; init; }

    /// <summary>The consumer group. Default: any.</summary>
    public string? Group { get; init; }

    /// <summary>The consumer that gave the record up. Default: any.</summary>
    public string? Consumer { get; init; }

    /// <summary>The record's topic, with the prefix. Default: any.</summary>
    public string? Topic { get; init; }

    /// <summary>The record's key. Default: any, or none.</summary>
    public string? Key { get; init; }

    /// <summary>The event's name on the wire. Default: any.</summary>
    public string? EventType { get; init; }

    /// <summary>The event's identity. Default: any.</summary>
    public string? EventId { get; init; }

    /// <summary>The full name of the exception's type, as in <see cref="DeadLetterEntry.ExceptionType"/>. Default: any.</summary>
    public string? ExceptionType { get; init; }

    /// <summary>Dead since this time or later. Default: any time.</summary>
    public DateTimeOffset? CreatedFrom { get; init; }

    /// <summary>Dead before this time. Default: any time.</summary>
    public DateTimeOffset? CreatedBefore { get; init; }

    internal bool IsEmpty => this == new DeadLetterFilter();
}
