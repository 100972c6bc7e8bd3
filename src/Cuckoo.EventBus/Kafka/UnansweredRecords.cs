namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Those who wait for a producer's answers, each at a place that is given out again: nothing is hashed or allocated per record.
/// Not for concurrent use.
/// </summary>
internal sealed class UnansweredRecords
{
    private readonly List<ISending?> _places = [];
    private readonly Stack<int> _free = new();

    public int Count => _places.Count - _free.Count;

    /// <returns>Its place.</returns>
    public int Add(ISending sending)
    {
        if (_free.TryPop(out var place))
        {
            _places[place] = sending;
            return place;
        }

        _places.Add(sending);
        return _places.Count - 1;
    }

    /// <returns>Whether it still waited; by now its place may be another's.</returns>
    public bool Remove(ISending sending, int place)
    {
        if (!ReferenceEquals(_places[place], sending))
        {
            return false;
        }

        _places[place] = null;
        _free.Push(place);
        return true;
    }

    /// <summary>Takes out those that a condition is true of.</summary>
    public List<ISending> TakeWhere(Func<ISending, bool> condition)
    {
        var taken = new List<ISending>();
        for (var place = 0; place < _places.Count; place++)
        {
            if (_places[place] is { } sending && condition(sending))
            {
                taken.Add(sending);
                Remove(sending, place);
            }
        }

        return taken;
    }
}
