using System.Globalization;

namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>Tells what happened around an event that went wrong: its key's witnesses, records and rows, and who was struck meanwhile.</summary>
internal sealed class Story(History history, Journal journal, bool isBrief)
{
    // Further ones are rarely another story.
    private const int ManyKeys = 5;
    private const int ManyEventsPerKey = 3;

    /// <summary>How many numbers before and after the wrong one are told.</summary>
    private const int Around = 3;

    private readonly Dictionary<Guid, long?> _numbers = history.Witnesses.ToDictionary(w => w.Id, w => w.Number);

    private int Keys => isBrief ? 1 : ManyKeys;

    private int EventsPerKey => isBrief ? 1 : ManyEventsPerKey;

    public void Tell(Verdict verdict, TextWriter to)
    {
        foreach (var contradiction in verdict.Contradictions.Take(Keys))
        {
            to.WriteLine($"The truth contradicts itself: {contradiction}");
        }

        var wrong = verdict.Lost.Select(w => (w.Key, w.Number, w.Id, Fate: "lost"))
            .Concat(verdict.Invented.Select(r => (r.Key, r.Number, r.Id, Fate: "invented")))
            .Concat(verdict.Reordered.Select(r => (r.Key, r.Number, r.Id, Fate: "reordered")))
            .Concat(verdict.Left.Select(l => (l.Key, Number: _numbers.GetValueOrDefault(l.Id), l.Id, Fate: "left")));
        foreach (var key in wrong.GroupBy(w => w.Key ?? w.Id.ToString()).Take(Keys))
        {
            foreach (var (name, number, id, fate) in key.Take(EventsPerKey))
            {
                to.WriteLine();
                to.WriteLine($"{(name is null ? "An event without a key" : $"Key {name}, number {number?.ToString(CultureInfo.InvariantCulture) ?? "none"}")} ({id}): {fate}");
                Timeline.Write(to, Lines(name, number, id));
            }
        }
    }

    private List<(DateTimeOffset At, string Text)> Lines(string? key, long? number, Guid id)
    {
        bool Belongs(string? itsKey, long? itsNumber, Guid itsId) =>
            itsId == id || (key is not null && itsKey == key && number is not null && itsNumber is { } n && Math.Abs(n - number.Value) <= Around);

        var lines = history.Witnesses.Where(w => Belongs(w.Key, w.Number, w.Id)).Select(w => (w.At, $"{Name(w.Number)} written by worker {w.Worker}"))
            .Concat(history.Records.Where(r => Belongs(r.Key, r.Number, r.Id)).Select(r => (r.At, $"{Name(r.Number)} in partition {r.Partition} at offset {r.Offset}")));
        // Created_at is by the worker's own clock, which may be hours off: the rows come last instead.
        var rows = history.Left.Where(l => Belongs(l.Key, _numbers.GetValueOrDefault(l.Id), l.Id)).Select(l => (l.At, $"{Name(_numbers.GetValueOrDefault(l.Id))} still in the outbox as row {l.Row}, {l.State}"));
        return [.. Timeline.Of(lines, journal), .. rows];
    }

    private static string Name(long? number) => number is null ? "it is" : $"number {number} is";
}
