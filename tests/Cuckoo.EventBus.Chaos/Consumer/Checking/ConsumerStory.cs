using Cuckoo.EventBus.Chaos.Checking;

namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>Tells what happened around an event that went wrong: its key's records, effects and rows, and who was struck meanwhile.</summary>
internal sealed class ConsumerStory(ConsumerHistory history, Journal journal, bool isBrief)
{
    // Further ones are rarely another story.
    private const int ManyKeys = 5;
    private const int ManyEventsPerKey = 3;

    /// <summary>How many events of the key before and after the wrong one are told.</summary>
    private const int Around = 3;

    private int Keys => isBrief ? 1 : ManyKeys;

    private int EventsPerKey => isBrief ? 1 : ManyEventsPerKey;

    public void Tell(ConsumerVerdict verdict, TextWriter to)
    {
        foreach (var contradiction in verdict.Contradictions.Take(Keys))
        {
            to.WriteLine($"The truth contradicts itself: {contradiction}");
        }

        (string Fate, IReadOnlyList<Finding> Findings)[] kinds =
            [("lost", verdict.Lost), ("double", verdict.Double), ("reordered", verdict.Reordered), ("stuck", verdict.Stuck)];
        foreach (var (fate, findings) in kinds)
        {
            foreach (var key in findings.GroupBy(f => (f.Consumer, f.Key ?? f.Id?.ToString())).Take(Keys))
            {
                foreach (var finding in key.Take(EventsPerKey))
                {
                    to.WriteLine();
                    to.WriteLine($"{(finding.Consumer.Length > 0 ? $"Consumer {finding.Consumer}, " : "")}key {finding.Key ?? "none"}, event {finding.Id?.ToString() ?? "unknown"}: {fate}, {finding.Text}");
                    Timeline.Write(to, Timeline.Of(Lines(finding), journal));
                }
            }
        }
    }

    private IEnumerable<(DateTimeOffset At, string Text)> Lines(Finding finding)
    {
        var ids = Near(finding);
        string Name(Guid id) => id == finding.Id ? "it" : $"{id.ToString()[..8]}";
        bool IsOf(string consumer) => finding.Consumer.Length == 0 || consumer == finding.Consumer;
        return history.Records.Where(r => ids.Contains(r.Id)).Select(r => (r.At, $"{Name(r.Id)} is in partition {r.Partition} at offset {r.Offset}, key {r.Key ?? "none"}"))
            .Concat(history.Applied.Where(a => ids.Contains(a.Id) && IsOf(a.Consumer)).Select(a => (a.At, $"{Name(a.Id)} is applied by {a.Consumer} as number {a.Ordinal} of key {a.Key ?? "none"}: {a.Text}")))
            .Concat(history.Dead.Where(d => ids.Contains(d.Id) && IsOf(d.Consumer)).Select(d => (d.At, $"{Name(d.Id)} is dead at {d.Consumer}: {d.Text}")))
            .Concat(history.Parked.Where(p => ids.Contains(p.Id) && IsOf(p.Consumer)).Select(p => (p.At, $"{Name(p.Id)} is parked at {p.Consumer}: {p.Text}")));
    }

    /// <summary>The event, and those around it under its key.</summary>
    private HashSet<Guid> Near(Finding finding)
    {
        if (finding.Id is not { } id)
        {
            return [];
        }

        var key = history.Records.Where(r => r.Key is not null && r.Key == finding.Key).OrderBy(r => r.Offset).Select(r => r.Id).Distinct().ToList();
        var place = key.IndexOf(id);
        return place < 0 ? [id] : [.. key.Skip(place - Around).Take(Math.Min(place, Around) + Around + 1)];
    }
}
