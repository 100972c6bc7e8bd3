namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>A row of <c>dead_letters</c>, or one that is left in <c>retry_messages</c>.</summary>
/// <param name="Consumer">Whose.</param>
/// <param name="Id">The event's id.</param>
/// <param name="Key">The record's key.</param>
/// <param name="Text">What the row says.</param>
/// <param name="At">When it was written.</param>
internal sealed record OutcomeRow(string Consumer, Guid Id, string? Key, string Text, DateTimeOffset At);
