namespace Cuckoo.EventBus.Inbox;

/// <summary>One event at one consumer, in the form that the table holds.</summary>
internal readonly record struct InboxKey(string Group, string Consumer, string Source, string EventId);
