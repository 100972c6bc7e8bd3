using Cuckoo.EventBus.Chaos.Checking;

namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>
/// Compares what is in Kafka with what every consumer made of it. An event has one outcome at each consumer, however often it
/// comes. What a consumer does on one key it does in the order of the records of that key; an event that comes again there
/// counts from its first record on. Dead letters hold nobody, so they have no order.
/// </summary>
internal static class ConsumerChecker
{
    public static ConsumerVerdict Check(ConsumerHistory history)
    {
        var firsts = Checker.Firsts(history.Records);
        return new ConsumerVerdict
        {
            Lost = [.. WithoutOutcome(history, firsts), .. Unpublished(history)],
            Double = [.. Repeated(history), .. Invented(history)],
            Reordered = [.. EffectsOutOfOrder(history), .. AnswersOutOfOrder(history)],
            Stuck = [.. Stuck(history)],
            Duplicates = history.Records.Count - firsts.Count,
            Contradictions = [.. Contradictions(history, firsts)],
        };
    }

    /// <summary>An event one of whose records is still to be read is not lost yet.</summary>
    private static IEnumerable<Finding> WithoutOutcome(ConsumerHistory history, Dictionary<Guid, SentRecord> firsts)
    {
        var decided = history.Applied.Select(a => (a.Consumer, a.Id))
            .Concat(history.Dead.Select(d => (d.Consumer, d.Id)))
            .Concat(history.Parked.Select(p => (p.Consumer, p.Id))).ToHashSet();
        var unread = history.Records.Where(r => r.Offset >= history.Committed.GetValueOrDefault(r.Partition)).Select(r => r.Id).ToHashSet();
        return from record in firsts.Values
               where !unread.Contains(record.Id)
               from consumer in history.Consumers
               where !decided.Contains((consumer, record.Id))
               select new Finding(consumer, record.Id, record.Key, "it has no outcome");
    }

    private static IEnumerable<Finding> Unpublished(ConsumerHistory history)
    {
        var answers = history.Answers.Select(a => a.Id).Concat(history.Unsent.Select(u => u.Id)).ToHashSet();
        var letters = history.DeadLetters.Where(l => l.DeadLetterOf is not null).Select(l => (l.DeadLetterOf!.Value.Consumer, l.DeadLetterOf.Value.Id)).ToHashSet();
        return history.Applied.Where(a => !answers.Contains(a.AnswerId)).Select(a => new Finding(a.Consumer, a.Id, a.Key, $"it was applied, and {a.AnswerId}, which that published, is not in Kafka"))
            // Which of them is a row still in the outbox does not say, only that it is one.
            .Concat(history.Unsent.Count > 0 ? [] : history.Dead.Where(d => !letters.Contains((d.Consumer, d.Id))).Select(d => new Finding(d.Consumer, d.Id, d.Key, "it is dead, and not among the dead letters in Kafka")));
    }

    private static IEnumerable<Finding> Repeated(ConsumerHistory history)
    {
        var dead = history.Dead.ToLookup(d => (d.Consumer, d.Id));
        var applied = history.Applied.ToLookup(a => (a.Consumer, a.Id));
        return applied.Where(a => a.Count() + dead[a.Key].Count() > 1)
            .Select(a => new Finding(a.Key.Consumer, a.Key.Id, a.First().Key, $"it was applied {a.Count()} time(s), and is dead {dead[a.Key].Count()} time(s)"))
            .Concat(dead.Where(d => d.Count() > 1 && !applied.Contains(d.Key)).Select(d => new Finding(d.Key.Consumer, d.Key.Id, d.First().Key, $"it is dead {d.Count()} times")));
    }

    /// <summary>Published by a transaction that did not commit.</summary>
    private static IEnumerable<Finding> Invented(ConsumerHistory history)
    {
        var answers = history.Applied.Select(a => a.AnswerId).ToHashSet();
        var dead = history.Dead.Select(d => (d.Consumer, d.Id)).ToHashSet();
        return history.Answers.Where(a => !answers.Contains(a.Id)).DistinctBy(a => a.Id).Select(a => new Finding("", null, a.Key, $"{a.Id} was published, and nothing was applied with it"))
            .Concat(history.DeadLetters.Where(l => l.DeadLetterOf is not { } of || !dead.Contains((of.Consumer, of.Id)))
                .Select(l => new Finding(l.DeadLetterOf?.Consumer ?? "", l.DeadLetterOf?.Id, l.Key, "it is among the dead letters in Kafka, and has no row")));
    }

    /// <summary>Those whose record comes before that of an effect they followed. Only an event's first effect counts.</summary>
    private static IEnumerable<Finding> EffectsOutOfOrder(ConsumerHistory history)
    {
        var places = FirstOffsets(history);
        foreach (var effects in history.Applied.Where(a => a is { Key: not null, Ordinal: not null }).GroupBy(a => (a.Consumer, a.Key)))
        {
            var highest = -1L;
            foreach (var effect in effects.OrderBy(a => a.Ordinal).DistinctBy(a => a.Id))
            {
                var place = places.GetValueOrDefault((effect.Key!, effect.Id), -1);
                if (place >= 0 && place < highest)
                {
                    yield return new Finding(effect.Consumer, effect.Id, effect.Key, $"its record is at offset {place}, and was applied after the one at {highest}");
                }

                highest = Math.Max(highest, place);
            }
        }
    }

    private static IEnumerable<Finding> AnswersOutOfOrder(ConsumerHistory history)
    {
        var applied = history.Applied.ToLookup(a => a.AnswerId);
        return from records in Checker.Firsts(history.Answers).Values.Where(a => a is { Key: not null, Number: not null }).GroupBy(a => a.Key)
               from late in Checker.OutOfOrder(records)
               from effect in applied[late.Id]
               select new Finding(effect.Consumer, effect.Id, effect.Key, $"what it published as number {late.Number} is behind a later one of its key");
    }

    private static IEnumerable<Finding> Stuck(ConsumerHistory history) =>
        history.Parked.Select(p => new Finding(p.Consumer, p.Id, p.Key, $"it is parked: {p.Text}"))
            .Concat(history.Records.Where(r => r.Offset == history.Committed.GetValueOrDefault(r.Partition))
                .Select(r => new Finding("", r.Id, r.Key, $"the group stands before it, in partition {r.Partition} at offset {r.Offset}")))
            .Concat(history.Unsent.Select(u => new Finding("", null, null, $"{u.Id} is still in the outbox: {u.Text}")));

    private static IEnumerable<string> Contradictions(ConsumerHistory history, Dictionary<Guid, SentRecord> firsts)
    {
        var places = FirstOffsets(history);
        foreach (var id in history.Acknowledged.Distinct().Where(id => !firsts.ContainsKey(id)))
        {
            yield return $"{id} was acknowledged, and is not in Kafka";
        }

        foreach (var effect in history.Applied.Where(a => a.Key is null ? !firsts.ContainsKey(a.Id) : !places.ContainsKey((a.Key, a.Id))))
        {
            yield return $"{effect.Consumer} applied {effect.Id} of key {effect.Key ?? "none"}, of which there is no record";
        }

        var counted = history.Applied.Where(a => a is { Key: not null, Ordinal: not null }).GroupBy(a => (a.Consumer, a.Key!)).ToDictionary(g => g.Key, g => g.Select(a => a.Ordinal!.Value).ToList());
        foreach (var key in counted.Keys.Union(history.Ordinals.Keys))
        {
            var (last, seen) = (history.Ordinals.GetValueOrDefault(key), counted.GetValueOrDefault(key, []));
            if (seen.Count != last || seen.Distinct().Count() != last || seen.Exists(n => n < 1 || n > last))
            {
                yield return $"{key.Item1} on key {key.Item2}: the last effect is number {last}, and there are {seen.Count}, from {seen.DefaultIfEmpty().Min()} to {seen.DefaultIfEmpty().Max()}";
            }
        }
    }

    /// <summary>Where each event stands first under each key: one key is in one partition, so its offsets are comparable.</summary>
    private static Dictionary<(string Key, Guid Id), long> FirstOffsets(ConsumerHistory history) =>
        history.Records.Where(r => r.Key is not null).GroupBy(r => (r.Key!, r.Id)).ToDictionary(g => g.Key, g => g.Min(r => r.Offset));
}
