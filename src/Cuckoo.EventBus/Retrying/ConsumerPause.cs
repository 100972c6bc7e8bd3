namespace Cuckoo.EventBus;

/// <summary>One reason for which a consumer is paused; there may be several at a time.</summary>
/// <param name="Reason">The kind of reason.</param>
/// <param name="Detail">What happened, for a person.</param>
/// <param name="Since">Since when.</param>
/// <param name="Until">When it ends by itself; <see langword="null"/> where nobody can know.</param>
public sealed record ConsumerPause(PauseReason Reason, string Detail, DateTimeOffset Since, DateTimeOffset? Until);
