namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>A row that is still in the outbox when it should be empty.</summary>
/// <param name="Row">The row's id.</param>
/// <param name="Id">The event's id.</param>
/// <param name="Key">The event's key, if it has one.</param>
/// <param name="State">What the table says: state, attempts, last error.</param>
/// <param name="At">When it was created, by the clock of the worker that wrote it.</param>
internal sealed record LeftRow(long Row, Guid Id, string? Key, string State, DateTimeOffset At);
