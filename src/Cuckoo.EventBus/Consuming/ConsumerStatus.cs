namespace Cuckoo.EventBus;

/// <summary>What one consumer of this process is doing.</summary>
public sealed record ConsumerStatus
{
    /// <summary>The consumer's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its consumer group.</summary>
    public required string Group { get; init; }

    /// <summary>Whether it handles records.</summary>
    public required ConsumerState State { get; init; }

    /// <summary>Why it is paused, held or stopped, for a person; <see langword="null"/> while it runs.</summary>
    public string? Reason { get; init; }

    /// <summary>Since when it is in this state.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>The reasons for which it is paused, the longest one first; they are there also while it is stopped.</summary>
    public required IReadOnlyList<ConsumerPause> Pauses { get; init; }

    /// <summary>How many attempts of its handler run now.</summary>
    public required int Running { get; init; }

    /// <summary>How many records its group has read and not finished.</summary>
    public required int InFlight { get; init; }

    /// <summary>The partitions that its group has in this process.</summary>
    public required IReadOnlyList<ConsumerPartition> Partitions { get; init; }
}
