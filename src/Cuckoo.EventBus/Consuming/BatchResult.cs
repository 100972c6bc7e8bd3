using Cuckoo.EventBus.Inbox;

namespace Cuckoo.EventBus.Consuming;

/// <summary>What one attempt at a batch has made of its records.</summary>
internal sealed class BatchResult
{
    private int _repeatsInBatch;

    /// <summary>What the handler had.</summary>
    public IReadOnlyList<BatchRecord> Handled { get; private set; } = [];

    /// <summary>Records without effect: their event is in the batch before them, or has an outcome.</summary>
    public List<BatchRecord> Repeats { get; } = [];

    /// <summary>Those of the repeats that are parked, by a process that had the partition before: their keys may have to wait.</summary>
    public List<BatchRecord> Parked { get; } = [];

    /// <summary>Records that an <c>OnConsume</c> hook skipped.</summary>
    public List<BatchRecord> Skipped { get; } = [];

    /// <summary>Records that were not handled, because it is to be seen first whether their key has to wait.</summary>
    public IReadOnlyList<BatchRecord> Open { get; private set; } = [];

    /// <summary>Notes which records are the first of their event.</summary>
    public List<BatchRecord> FirstOfEach(IReadOnlyList<BatchRecord> batch)
    {
        var events = new HashSet<EventIdentity>(batch.Count);
        var first = new List<BatchRecord>(batch.Count);
        foreach (var record in batch)
        {
            (events.Add(record.Identity) ? first : Repeats).Add(record);
        }

        _repeatsInBatch = Repeats.Count;
        return first;
    }

    /// <summary>Notes which records a hook has let pass.</summary>
    public void Passed(IReadOnlyList<BatchRecord> before, IReadOnlyList<BatchRecord> after)
    {
        Skipped.Clear();
        if (after.Count < before.Count)
        {
            Skipped.AddRange(before.Except(after));
        }
    }

    /// <summary>Notes which records have an outcome already. May be called again, after trouble with the database.</summary>
    /// <returns>Whether there is something for the handler.</returns>
    public bool Claimed(IReadOnlyList<BatchRecord> records, IReadOnlyDictionary<EventIdentity, InboxOutcome> standing)
    {
        Repeats.RemoveRange(_repeatsInBatch, Repeats.Count - _repeatsInBatch);
        Parked.Clear();
        if (standing.Count == 0)
        {
            (Handled, Open) = (records, []);
            return records.Count > 0;
        }

        var news = new List<BatchRecord>(records.Count);
        foreach (var record in records)
        {
            if (!standing.TryGetValue(record.Identity, out var outcome))
            {
                news.Add(record);
                continue;
            }

            Repeats.Add(record);
            if (outcome == InboxOutcome.Parked && record.Event.Record.Key is not null)
            {
                Parked.Add(record);
            }
        }

        (Handled, Open) = Parked.Count == 0 ? (news, []) : ((IReadOnlyList<BatchRecord>)[], news);
        return Handled.Count > 0;
    }
}
