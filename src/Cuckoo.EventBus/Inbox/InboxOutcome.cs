namespace Cuckoo.EventBus.Inbox;

/// <summary>What became of an event. Each is final for a redelivery of the record. The numbers are in the table.</summary>
internal enum InboxOutcome : short
{
    /// <summary>Its effect is committed, in the same transaction as this mark.</summary>
    Done = 0,

    /// <summary>It is in <c>retry_messages</c>.</summary>
    Parked = 1,

    /// <summary>It is in <c>dead_letters</c>.</summary>
    Dead = 2,
}
