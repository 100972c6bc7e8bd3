using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// What one group's member is doing, for health, administration and metrics. Written by the thread that polls, read by anyone.
/// </summary>
internal sealed class GroupStatus(string group, IReadOnlyList<ConsumerSettings> consumers, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly List<GroupTrouble> _troubles = [];
    private volatile IReadOnlyList<PartitionState> _partitions = [];
    private volatile Entered _entered = new(GroupPhase.Stopped, time.GetUtcNow());
    private volatile int _inFlight;
    private volatile bool _isTroubled;
    private volatile string? _heldBecause;

    public string Group => group;

    public IReadOnlyList<ConsumerSettings> Consumers => consumers;

    public GroupPhase Phase => _entered.Phase;

    /// <summary>When it entered the phase.</summary>
    public DateTimeOffset Since => _entered.At;

    /// <summary>Why it waits for a person to choose where it starts; <see langword="null"/> while it does not.</summary>
    public string? HeldBecause => _heldBecause;

    /// <summary>As it was measured last, about a second ago.</summary>
    public IReadOnlyList<PartitionState> Partitions => _partitions;

    /// <summary>Records read and not finished.</summary>
    public int InFlight => _inFlight;

    /// <summary>What is in the way now, the oldest first.</summary>
    public IReadOnlyList<GroupTrouble> Troubles
    {
        get
        {
            lock (_lock)
            {
                return [.. _troubles];
            }
        }
    }

    /// <summary>Whether there are <see cref="Troubles"/>, without a lock.</summary>
    public bool IsTroubled => _isTroubled;

    public void Enter(GroupPhase phase)
    {
        lock (_lock)
        {
            if (phase != Phase)
            {
                _entered = new Entered(phase, time.GetUtcNow());
            }

            if (phase is not GroupPhase.Member)
            {
                _partitions = [];
            }
        }
    }

    public void Hold(string reason)
    {
        _heldBecause = reason;
        Enter(GroupPhase.Held);
    }

    public void Release()
    {
        _heldBecause = null;
        Enter(GroupPhase.Joining);
    }

    /// <summary>The group gave partitions: what stood in its way, or in theirs, does so no more.</summary>
    public void Assigned(IReadOnlyCollection<PartitionId> partitions)
    {
        lock (_lock)
        {
            _troubles.RemoveAll(trouble => trouble.Topic is null || partitions.Any(partition => partition.Topic == trouble.Topic));
            _isTroubled = _troubles.Count > 0;
        }

        Enter(GroupPhase.Member);
    }

    public void TakenAway(IReadOnlyCollection<PartitionId> partitions) => _partitions = [.. _partitions.Where(state => !partitions.Contains(state.Id))];

    public void Measured(IReadOnlyList<PartitionState> partitions, int inFlight)
    {
        _partitions = partitions;
        _inFlight = inFlight;
    }

    /// <summary>Remembers what is in the way, once for each topic and kind.</summary>
    public void Hit(ClientFailure kind, string? topic, string reason)
    {
        lock (_lock)
        {
            var since = _troubles.Find(trouble => trouble.Topic == topic && trouble.Kind == kind)?.Since ?? time.GetUtcNow();
            _troubles.RemoveAll(trouble => trouble.Topic == topic);
            _troubles.Add(new GroupTrouble(kind, topic, reason, since));
            _isTroubled = true;
        }
    }

    /// <summary>Something was read of the topic, or its end.</summary>
    public void Reads(string topic)
    {
        lock (_lock)
        {
            _troubles.RemoveAll(trouble => trouble.Topic == topic);
            _isTroubled = _troubles.Count > 0;
        }
    }

    private sealed record Entered(GroupPhase Phase, DateTimeOffset At);
}
