using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Retrying;

/// <summary>The first parked row of its key, or one without a key.</summary>
internal sealed record ParkedRow
{
    public required long Id { get; init; }

    /// <summary>The event at its consumer, as the row names it.</summary>
    public required InboxKey InboxKey { get; init; }

    /// <summary>The record as it came.</summary>
    public required IncomingRecord Record { get; init; }

    /// <summary>Attempts so far; 0 for one that was parked behind another.</summary>
    public required int Attempts { get; init; }

    public required DateTimeOffset FirstFailedAt { get; init; }

    public required int ReplayCount { get; init; }

    /// <summary>Whether it may be tried now, by the database's clock.</summary>
    public required bool IsDue { get; init; }
}
