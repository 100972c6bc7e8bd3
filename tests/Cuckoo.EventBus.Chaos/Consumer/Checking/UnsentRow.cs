namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>A row that is left in the outbox.</summary>
/// <param name="Id">The id of the event or the dead letter.</param>
/// <param name="Text">What the row says.</param>
internal sealed record UnsentRow(Guid Id, string Text);
