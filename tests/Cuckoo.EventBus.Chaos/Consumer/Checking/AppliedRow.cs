namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>One effect, written by the transaction that had it.</summary>
/// <param name="Consumer">Whose.</param>
/// <param name="Id">The event's id.</param>
/// <param name="Key">The key of the record that was handled.</param>
/// <param name="Ordinal">Its number among the consumer's effects on the key, in the order of their commits.</param>
/// <param name="AnswerId">The id of the event that was published with it.</param>
/// <param name="Text">Which record, which attempt, which worker.</param>
/// <param name="At">When, while the transaction ran.</param>
internal sealed record AppliedRow(string Consumer, Guid Id, string? Key, long? Ordinal, Guid AnswerId, string Text, DateTimeOffset At);
