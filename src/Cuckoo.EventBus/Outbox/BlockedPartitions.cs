using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Outbox;

/// <summary>The partitions of one drain's producer that take nothing at the moment. For one drain, not for concurrent use.</summary>
internal sealed class BlockedPartitions
{
    private readonly Dictionary<(string Topic, int Partition), BlockedPartition> _blocked = [];
    private readonly Dictionary<string, int?> _counts = new(StringComparer.Ordinal);

    public bool IsEmpty => _blocked.Count == 0;

    /// <summary>The lowest id that was passed over for any of them.</summary>
    public long? PassedFrom => _blocked.Values.Min(b => b.PassedFrom);

    /// <summary>The ids above the floor that were passed over.</summary>
    public IEnumerable<long> Passed => _blocked.Values.SelectMany(b => b.Passed);

    /// <summary>The topics of rows that wait too long and of which it is not known how many partitions they have.</summary>
    public IEnumerable<string> Unknown(IEnumerable<SentRow> waiting) =>
        waiting.Select(r => r.Row.Topic).Distinct().Where(topic => !_counts.ContainsKey(topic));

    public void Learn(string topic, int? partitions) => _counts[topic] = partitions;

    /// <summary>A row waits too long: so will those after it in its partition. A row without a key chooses none.</summary>
    public void Block(SentRow row)
    {
        if (row.Blocked is not null || row.Row.Key is not { } key)
        {
            return;
        }

        var place = (row.Row.Topic, _counts.GetValueOrDefault(row.Row.Topic) is { } count ? Murmur2.Partition(key, count) : BlockedPartition.All);
        if (!_blocked.TryGetValue(place, out var blocked))
        {
            _blocked[place] = blocked = new BlockedPartition(place.Item1, place.Item2);
        }

        row.Blocked = blocked;
        blocked.Unanswered++;
    }

    /// <summary>Whether a row must wait because its partition does; then it is passed over.</summary>
    public bool Passes(PendingRow row)
    {
        if (_blocked.Count == 0 || row.Key is null)
        {
            return false;
        }

        if (!_blocked.TryGetValue((row.Topic, BlockedPartition.All), out var blocked)
            && !(_counts.GetValueOrDefault(row.Topic) is { } count && _blocked.TryGetValue((row.Topic, Murmur2.Partition(row.Key, count)), out blocked)))
        {
            return false;
        }

        blocked.Pass(row.Id);
        return true;
    }

    /// <summary>Reads begin above this id now.</summary>
    public void Trim(long floor)
    {
        foreach (var blocked in _blocked.Values)
        {
            blocked.Passed.RemoveWhere(id => id <= floor);
        }
    }

    /// <summary>A row that waited is answered.</summary>
    /// <returns>From where to read again, if that frees its partition and rows were passed over for it.</returns>
    public long? Answered(SentRow row)
    {
        if (row.Blocked is not { } blocked || --blocked.Unanswered > 0 || !_blocked.Remove(blocked.Place))
        {
            return null;
        }

        if (!_blocked.Keys.Any(other => other.Topic == blocked.Place.Topic))
        {
            // Asked anew if it happens again: by then there may be more partitions.
            _counts.Remove(blocked.Place.Topic);
        }

        return blocked.PassedFrom;
    }

    /// <summary>The producer is another one.</summary>
    /// <returns>From where to read again.</returns>
    public long? Clear()
    {
        var from = PassedFrom;
        _blocked.Clear();
        _counts.Clear();
        return from;
    }
}
