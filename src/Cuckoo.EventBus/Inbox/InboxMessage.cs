namespace Cuckoo.EventBus.Inbox;

/// <summary>What became of one event at one consumer: while the row is there, a repeat has no effect.</summary>
internal sealed class InboxMessage
{
    public required string ConsumerGroup { get; set; }

    public required string Consumer { get; set; }

    public required string Source { get; set; }

    public required string EventId { get; set; }

    public InboxOutcome Outcome { get; set; }

    public DateTime DecidedAt { get; set; }
}
