namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>The event that the harness sends and the workers consume.</summary>
/// <param name="Number">Its number among those of its key.</param>
/// <param name="Padding">So that events differ in size.</param>
[Event(Name, Topic = "moves")]
internal sealed record Moved(long Number, string Padding) : DomainEvent
{
    public const string Name = "chaos.moved";
}
