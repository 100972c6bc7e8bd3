namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>Something that is wrong.</summary>
/// <param name="Consumer">Where; empty if it is not one consumer's.</param>
/// <param name="Id">The event, if it is about one.</param>
/// <param name="Key">The record's key, if it has one.</param>
/// <param name="Text">What.</param>
internal sealed record Finding(string Consumer, Guid? Id, string? Key, string Text);
