namespace Cuckoo.EventBus;

/// <summary>Where an event in the outbox stands.</summary>
public enum OutboxEntryState
{
    /// <summary>To be sent as soon as it goes.</summary>
    Pending,

    /// <summary>Rejected by the broker and not yet due again, or behind such an event of its key.</summary>
    Waiting,

    /// <summary>Delayed by <see cref="PublishOptions.DeliverAt"/>.</summary>
    Scheduled,

    /// <summary>Rejected for the last time: a person requeues or discards it.</summary>
    Dead,
}
