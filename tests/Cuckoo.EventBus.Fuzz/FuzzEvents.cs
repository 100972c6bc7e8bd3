namespace Cuckoo.EventBus.Fuzz;

/// <summary>An event with a member of every common kind.</summary>
[Event("fuzz.order", Topic = FuzzTopics.Own)]
public sealed record FuzzOrder(
    string Name, int Number, long Big, decimal Price, double Weight, bool IsGift, DateTimeOffset At, Guid Reference, FuzzKind Kind, FuzzLine First) : DomainEvent
{
    public required IReadOnlyList<FuzzLine> Lines { get; init; }

    public string? Remark { get; init; }

    public Dictionary<string, string>? Labels { get; init; }

    public FuzzOrder? Parent { get; init; }

    public override string PartitionKey => Name;
}

/// <summary>A second event on the same topic, so that a wrong name can be a known one.</summary>
[Event("fuzz.note", Topic = FuzzTopics.Own)]
public sealed record FuzzNote(string Text) : DomainEvent;

/// <summary>What records of the foreign topic are that do not say it.</summary>
[Event("fuzz.foreign", Topic = FuzzTopics.Foreign, Naming = EventNaming.SnakeCase, IsTopicDefault = true)]
public sealed class FuzzForeign
{
    public required string OrderNumber { get; init; }

    public int? LineCount { get; init; }
}

public sealed record FuzzLine(string Sku, int Quantity);

public enum FuzzKind
{
    Small,
    Large,
}

internal static class FuzzTopics
{
    public const string Own = "fuzz";
    public const string Foreign = "fuzz-foreign";
}
