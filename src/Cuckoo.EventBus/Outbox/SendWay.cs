namespace Cuckoo.EventBus.Outbox;

/// <summary>How a row travels.</summary>
internal enum SendWay
{
    /// <summary>With others, as fast as it goes.</summary>
    Together,

    /// <summary>In a batch of its own, so that a rejection is about it alone: it, or another of its batch, was rejected.</summary>
    Suspected,

    /// <summary>In a batch of its own, for another attempt. Its row is a waiting one.</summary>
    Again,
}
