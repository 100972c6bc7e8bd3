namespace Cuckoo.EventBus.Outbox;

/// <summary>Where a row of the outbox stands. The numbers are in the table and its indexes' filters.</summary>
internal enum OutboxState : short
{
    /// <summary>To be sent, in id order per lane.</summary>
    Pending = 0,

    /// <summary>Rejected and not yet due again (then it has a due time), or behind such a row of its key.</summary>
    Waiting = 1,

    /// <summary>Delayed by <see cref="PublishOptions.DeliverAt"/>.</summary>
    Scheduled = 2,

    /// <summary>Rejected for the last time; a person decides.</summary>
    Dead = 3,
}
