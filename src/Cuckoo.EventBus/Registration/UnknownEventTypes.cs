namespace Cuckoo.EventBus;

/// <summary>What becomes of a record whose event type no consumer of the service knows.</summary>
public enum UnknownEventTypes
{
    /// <summary>Counted by type and passed over: others' events on a shared topic. The default.</summary>
    Skip,

    /// <summary>Dead-lettered, for topics on which every type must be known.</summary>
    DeadLetter,
}
