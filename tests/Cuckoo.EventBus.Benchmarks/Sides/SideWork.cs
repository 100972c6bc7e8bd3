namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>Work for a side that runs: so many pieces as fast as they go, or at a rate for a time.</summary>
internal sealed record SideWork
{
    /// <summary>How many transactions, or events where there is no transaction.</summary>
    public int Count { get; init; }

    /// <summary>The first event's number.</summary>
    public long First { get; init; }

    /// <summary>Every event's key, where it is not any of the usual ones.</summary>
    public string? Key { get; init; }

    /// <summary>Whether handlers of faulty keys succeed from now on; that is all there is to do then.</summary>
    public bool EndsFault { get; init; }

    /// <summary>Whether each event belongs to a request, and so to a trace, of its own; otherwise all to one.</summary>
    public bool HasRequestEach { get; init; }

    /// <summary>Events per transaction.</summary>
    public int Events { get; init; } = 1;

    /// <summary>How many work at the same time, each on the next piece when its last is done.</summary>
    public int Writers { get; init; } = 1;

    /// <summary>Pieces per second, begun whether or not those before are done; 0 is as fast as they go.</summary>
    public double PerSecond { get; init; }

    /// <summary>How long, where there is a rate.</summary>
    public double Seconds { get; init; }

    /// <summary>Whether each begins at a random moment of its turn rather than at the start of it.</summary>
    public bool IsJittered { get; init; }
}
