namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>How many effects a consumer has had on a key. Its row is what transactions of the key conflict on.</summary>
internal sealed class Position
{
    public required string Consumer { get; init; }

    public required string Key { get; init; }

    public long Ordinal { get; set; }
}
