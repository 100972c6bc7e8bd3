namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Those who wait for a producer's answers, each at a place that is given out again, with whom it gives the answer to: nothing is
/// hashed or allocated per record. Invariant: a place is given out again only when the producer has answered for the record that
/// had it, so an answer never meets another record. Not for concurrent use.
/// </summary>
/// <typeparam name="THandler">What the producer calls with its answer.</typeparam>
/// <param name="handlerOf">Makes the handler of a place, once.</param>
internal sealed class UnansweredRecords<THandler>(Func<int, THandler> handlerOf)
{
    private readonly List<ISending?> _places = [];
    private readonly List<THandler> _handlers = [];
    private readonly Stack<int> _free = new();

    /// <summary>How many wait.</summary>
    public int Count { get; private set; }

    /// <returns>Its place, and who takes the answer there.</returns>
    public (int Place, THandler Handler) Add(ISending sending)
    {
        Count++;
        if (_free.TryPop(out var place))
        {
            _places[place] = sending;
            return (place, _handlers[place]);
        }

        place = _places.Count;
        _places.Add(sending);
        _handlers.Add(handlerOf(place));
        return (place, _handlers[place]);
    }

    /// <summary>The producer has answered for a place.</summary>
    /// <returns>Who waited there; nobody if the answer comes too late.</returns>
    public ISending? Remove(int place)
    {
        var sending = _places[place];
        _places[place] = null;
        _free.Push(place);
        Count -= sending is null ? 0 : 1;
        return sending;
    }

    /// <summary>Takes out those that a condition is true of. Their places stay taken until the producer answers.</summary>
    public List<ISending> TakeWhere(Func<ISending, bool> condition)
    {
        var taken = new List<ISending>();
        for (var place = 0; place < _places.Count; place++)
        {
            if (_places[place] is { } sending && condition(sending))
            {
                taken.Add(sending);
                _places[place] = null;
                Count--;
            }
        }

        return taken;
    }
}
