namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What a handler publishes, in the transaction of its effect.</summary>
/// <param name="Lane">The consumer and the key of the record that was handled; <see langword="null"/> where that had no key.</param>
/// <param name="Number">The effect's number among those of the consumer on that key.</param>
[Event("chaos.answered", Topic = "answers")]
internal sealed record Answered(string? Lane, long? Number) : DomainEvent
{
    public override string? PartitionKey => Lane;
}
