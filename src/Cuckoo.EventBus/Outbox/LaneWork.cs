namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// What there is to do for one lane in this process. Invariant: the lane is never drained twice at once, and a drain that began
/// before something was wanted reads once more, or is followed by another. Safe for concurrent use.
/// </summary>
internal sealed class LaneWork(short lane)
{
    private readonly Lock _lock = new();
    private LaneWindow? _window;
    private LaneWants _wants;
    private bool _isRunning;

    public short Lane => lane;

    /// <summary>What reads of this process have seen of the lane. The running drain's own.</summary>
    public LaneFloor Floor { get; } = new();

    /// <summary>The last run.</summary>
    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Something is to be done: by the run under way, or by another.</summary>
    /// <param name="wants">What.</param>
    /// <param name="run">Does it, until <see cref="IsDone"/>.</param>
    public void Want(LaneWants wants, Func<Task> run)
    {
        lock (_lock)
        {
            _wants |= wants;
            _window?.Wake();
            if (!_isRunning)
            {
                _isRunning = true;
                Running = Task.Run(run);
            }
        }
    }

    /// <summary>Something more is to be done by the run under way. For itself.</summary>
    public void WantMore(LaneWants wants)
    {
        lock (_lock)
        {
            _wants |= wants;
        }
    }

    /// <summary>What the drain that begins, or reads, now does.</summary>
    public LaneWants Take()
    {
        lock (_lock)
        {
            var wants = _wants;
            _wants = LaneWants.Nothing;
            return wants;
        }
    }

    /// <summary>Whether something is wanted that a read would do.</summary>
    public bool IsWanted
    {
        get
        {
            lock (_lock)
            {
                return _wants != LaneWants.Nothing;
            }
        }
    }

    /// <summary>Whom to wake when something is wanted.</summary>
    public void Attach(LaneWindow? window)
    {
        lock (_lock)
        {
            _window = window;
        }
    }

    /// <summary>Whether the runner may end; otherwise something was wanted meanwhile.</summary>
    public bool IsDone()
    {
        lock (_lock)
        {
            _isRunning = _wants != LaneWants.Nothing;
            return !_isRunning;
        }
    }
}
