namespace Cuckoo.EventBus.Inbox;

/// <summary>How a run that ended well ended.</summary>
internal enum InboxResult
{
    /// <summary>The handler ran, and its effect is durable.</summary>
    Done,

    /// <summary>The inbox knows the event: nothing ran.</summary>
    Duplicate,
}
