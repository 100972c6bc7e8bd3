using System.Threading.Channels;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Which lanes this process should drain. Invariant: a lane added while it is being drained is drained again afterwards, and a
/// lane is never drained by two workers of the process at once. Safe for concurrent use.
/// </summary>
internal sealed class LaneQueue
{
    private readonly Lock _lock = new();
    private readonly Dictionary<short, State> _states = [];
    private readonly Channel<short> _lanes = Channel.CreateUnbounded<short>();

    private enum State
    {
        Queued,
        Running,
        RunningAndWanted,
    }

    public void Add(short lane)
    {
        lock (_lock)
        {
            if (!_states.TryGetValue(lane, out var state))
            {
                _states[lane] = State.Queued;
                _lanes.Writer.TryWrite(lane);
            }
            else if (state == State.Running)
            {
                _states[lane] = State.RunningAndWanted;
            }
        }
    }

    public async ValueTask<short> TakeAsync(CancellationToken ct)
    {
        var lane = await _lanes.Reader.ReadAsync(ct).ConfigureAwait(false);
        lock (_lock)
        {
            _states[lane] = State.Running;
        }

        return lane;
    }

    /// <summary>Ends a drain.</summary>
    public void Done(short lane)
    {
        lock (_lock)
        {
            _states.Remove(lane, out var state);
            if (state == State.RunningAndWanted)
            {
                _states[lane] = State.Queued;
                _lanes.Writer.TryWrite(lane);
            }
        }
    }
}
