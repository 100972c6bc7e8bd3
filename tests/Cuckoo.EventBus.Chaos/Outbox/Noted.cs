namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>The event of all transactions.</summary>
/// <param name="Key">What it is about; <see langword="null"/> for events of their own.</param>
/// <param name="Number">Its number among those of its key; <see langword="null"/> where it has no order to keep.</param>
/// <param name="Padding">So that events differ in size.</param>
[Event("chaos.noted", Topic = "noted")]
internal sealed record Noted(string? Key, long? Number, string Padding) : DomainEvent
{
    public override string? PartitionKey => Key;
}
