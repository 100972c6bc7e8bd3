namespace Cuckoo.EventBus.Outbox;

/// <summary>What a drain tells the database when it reads on, or lets go.</summary>
internal sealed class LaneStep
{
    /// <summary>The rows that the broker has.</summary>
    public required IReadOnlyCollection<long> Done { get; init; }

    /// <summary>Rows whose key waits behind a rejected one.</summary>
    public IReadOnlyCollection<long> Park { get; init; } = [];

    /// <summary>Rows on their way, not to be read again.</summary>
    public IReadOnlyCollection<long> Skip { get; init; } = [];

    /// <summary>Where to read from.</summary>
    public long Floor { get; init; }

    /// <summary>Where the next owner would have to.</summary>
    public required long DurableFloor { get; init; }
}
