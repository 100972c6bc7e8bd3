namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Those who wait for a producer's answers, each at a place that is given out again, with whom it gives the answer to: nothing is
/// hashed or allocated per record. Invariant: a place is given out again only when the producer has answered for the record that
/// had it, so an answer never meets another record. Answers may come while anything else goes on; everything else is one at a time.
/// </summary>
/// <typeparam name="THandler">What the producer calls with its answer.</typeparam>
/// <param name="handlerOf">Makes the handler of a place, once.</param>
internal sealed class UnansweredRecords<THandler>(Func<UnansweredRecords<THandler>.Place, THandler> handlerOf)
{
    private readonly List<Place> _places = [];

    /// <summary>Of the adding side alone.</summary>
    private Place? _free;

    /// <summary>Given back by answers, until the adding side takes all of them: so neither waits for the other.</summary>
    private Place? _answered;

    /// <summary>Whether nobody waits.</summary>
    public bool IsEmpty => _places.TrueForAll(place => place.Sending is null);

    public Place Add(ISending sending)
    {
        _free ??= Interlocked.Exchange(ref _answered, null);
        var place = _free;
        if (place is null)
        {
            place = new Place();
            place.Handler = handlerOf(place);
            _places.Add(place);
        }
        else
        {
            _free = place.Next;
        }

        place.Sending = sending;
        return place;
    }

    /// <summary>The producer has answered for a place. Safe for concurrent use with everything.</summary>
    /// <returns>Who waited there; nobody if the answer comes too late.</returns>
    public ISending? Remove(Place place)
    {
        var sending = place.Take();
        Place? head;
        do
        {
            // Only ever emptied as a whole, so the head can't be another one's that came back.
            head = Volatile.Read(ref _answered);
            place.Next = head;
        }
        while (Interlocked.CompareExchange(ref _answered, place, head) != head);

        return sending;
    }

    /// <summary>Takes out those that a condition is true of. Their places stay taken until the producer answers.</summary>
    public List<ISending> TakeWhere(Func<ISending, bool> condition)
    {
        var taken = new List<ISending>();
        foreach (var place in _places)
        {
            // An answer may be faster.
            if (place.Sending is { } waiting && condition(waiting) && place.Take() is { } sending)
            {
                taken.Add(sending);
            }
        }

        return taken;
    }

    internal sealed class Place
    {
        private volatile ISending? _sending;

        public THandler Handler { get; set; } = default!;

        /// <summary>Who waits here.</summary>
        public ISending? Sending
        {
            get => _sending;
            set => _sending = value;
        }

        /// <summary>The next free one.</summary>
        public Place? Next { get; set; }

        /// <summary>Takes out who waits here, for one of those who try.</summary>
        public ISending? Take() => Interlocked.Exchange(ref _sending, null);
    }
}
