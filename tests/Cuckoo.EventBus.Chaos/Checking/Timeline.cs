namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>What became of something, in the order of time, with what was done to whom meanwhile.</summary>
internal static class Timeline
{
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan After = TimeSpan.FromSeconds(10);

    public static List<(DateTimeOffset At, string Text)> Of(IEnumerable<(DateTimeOffset At, string Text)> lines, Journal journal)
    {
        var own = lines.OrderBy(l => l.At).ToList();
        if (own.Count == 0)
        {
            return own;
        }

        var (from, until) = (own[0].At - Before, own[^1].At + After);
        return [.. own.Concat(journal.Entries.Where(e => e.At >= from && e.At <= until).Select(e => (e.At, $"    {e.Text.Split('\n')[0]}"))).OrderBy(l => l.At)];
    }

    public static void Write(TextWriter to, IEnumerable<(DateTimeOffset At, string Text)> lines)
    {
        foreach (var (at, text) in lines)
        {
            to.WriteLine($"  {at.UtcDateTime:HH:mm:ss.fff}  {text}");
        }
    }
}
