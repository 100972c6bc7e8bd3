namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>
/// Compares what was committed with what is in Kafka. A record may come again; what counts for the order is each event's first
/// record. Per key the numbers of these must rise in the one partition that the key has.
/// </summary>
internal static class Checker
{
    public static Verdict Check(History history)
    {
        var witnesses = history.Witnesses.ToDictionary(w => w.Id);
        var firsts = Firsts(history.Records);
        var invented = firsts.Values.Where(r => !witnesses.TryGetValue(r.Id, out var witness) || witness.Key != r.Key || witness.Number != r.Number).ToList();
        var left = history.Left.Select(row => row.Id).ToHashSet();
        return new Verdict
        {
            Lost = [.. history.Witnesses.Where(w => !firsts.ContainsKey(w.Id) && !left.Contains(w.Id))],
            Invented = invented,
            Reordered = [.. firsts.Values.Except(invented).Where(r => r is { Key: not null, Number: not null }).GroupBy(r => r.Key).SelectMany(OutOfOrder)],
            Left = history.Left,
            Duplicates = history.Records.Count - firsts.Count,
            Contradictions = [.. Contradictions(history)],
        };
    }

    /// <summary>Each event's first record, per partition by offset.</summary>
    public static Dictionary<Guid, SentRecord> Firsts(IEnumerable<SentRecord> records)
    {
        var firsts = new Dictionary<Guid, SentRecord>();
        foreach (var record in records.OrderBy(r => r.Partition).ThenBy(r => r.Offset))
        {
            firsts.TryAdd(record.Id, record);
        }

        return firsts;
    }

    /// <summary>Those that come too late.</summary>
    /// <param name="records">Of one key, the first of each event, per partition by offset.</param>
    public static IEnumerable<SentRecord> OutOfOrder(IEnumerable<SentRecord> records)
    {
        SentRecord? highest = null;
        foreach (var record in records)
        {
            if (highest is not null && (record.Partition != highest.Partition || record.Number < highest.Number))
            {
                yield return record;
            }
            else
            {
                highest = record;
            }
        }
    }

    /// <summary>Counter and witnesses are written by one transaction, so they agree, or nothing else that they say counts.</summary>
    private static IEnumerable<string> Contradictions(History history)
    {
        var numbers = history.Witnesses.Where(w => w is { Key: not null, Number: not null }).GroupBy(w => w.Key!).ToDictionary(g => g.Key, g => g.Select(w => w.Number!.Value).ToList());
        foreach (var key in numbers.Keys.Union(history.Counters.Keys))
        {
            var counter = history.Counters.GetValueOrDefault(key);
            var seen = numbers.GetValueOrDefault(key, []);
            if (seen.Count != counter || seen.Distinct().Count() != counter || seen.Any(n => n < 1 || n > counter))
            {
                yield return $"key {key}: the counter is at {counter}, and the witnesses are {seen.Count}, from {seen.DefaultIfEmpty().Min()} to {seen.DefaultIfEmpty().Max()}";
            }
        }
    }
}
