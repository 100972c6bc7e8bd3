namespace Cuckoo.EventBus;

/// <summary>Where an event in the outbox stands. The numbers are in the table and its indexes' filters.</summary>
public enum OutboxEntryState
{
    /// <summary>To be sent as soon as it goes.</summary>
    Pending = 0,

    /// <summary>Rejected by the broker and not yet due again, or behind such an event of its key.</summary>
    Waiting = 1,

    /// <summary>Delayed by <see cref="PublishOptions.DeliverAt"/>.</summary>
    Scheduled = 2,

    /// <summary>Rejected for the last time: a person requeues or discards it.</summary>
    Dead = 3,
}
