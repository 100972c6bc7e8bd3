namespace Cuckoo.EventBus.Outbox;

/// <summary>What became of a row that was rejected, and what it is.</summary>
internal sealed record RejectedRow(PendingRow Row, OutboxEntryState State, int Attempts, string EventId, string EventType);
