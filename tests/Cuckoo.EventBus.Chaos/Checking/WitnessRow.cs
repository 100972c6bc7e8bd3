namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>One event that a committed transaction published, written by that transaction.</summary>
/// <param name="Id">The event's id.</param>
/// <param name="Key">Its key, if it has one.</param>
/// <param name="Number">Its number among those of its key, if it has an order to keep.</param>
/// <param name="Worker">Who wrote it.</param>
/// <param name="At">When, while the transaction ran.</param>
internal sealed record WitnessRow(Guid Id, string? Key, long? Number, string Worker, DateTimeOffset At);
