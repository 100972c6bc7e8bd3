namespace Cuckoo.EventBus.Chaos;

/// <summary>One thing that happened in a run.</summary>
internal sealed record JournalEntry(DateTimeOffset At, string Text);
