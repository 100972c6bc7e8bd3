using System.Collections.Concurrent;

namespace Cuckoo.EventBus.Chaos;

/// <summary>What was done to whom and when: for the progress line, and for the story of a key that went wrong.</summary>
internal sealed class Journal
{
    private readonly ConcurrentQueue<JournalEntry> _entries = new();
    private volatile JournalEntry? _last;

    public IEnumerable<JournalEntry> Entries => _entries;

    public JournalEntry? Last => _last;

    public void Add(string text)
    {
        var entry = new JournalEntry(DateTimeOffset.UtcNow, text);
        _entries.Enqueue(entry);
        _last = entry;
    }

    /// <summary>Something that ought not to happen, though no event need have suffered: also said at once.</summary>
    public void Warn(string text)
    {
        Add(text);
        Console.WriteLine($"  ! {text}");
    }
}
