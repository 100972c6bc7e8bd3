using Cuckoo.EventBus.Chaos.Checking;

namespace Cuckoo.EventBus.Chaos.Consumer.Checking;

/// <summary>What is left of a run: what was sent, and what every consumer made of it.</summary>
internal sealed record ConsumerHistory
{
    /// <summary>Each of them owes every event an outcome.</summary>
    public required IReadOnlyList<string> Consumers { get; init; }

    /// <summary>The topic, per partition by offset.</summary>
    public required IReadOnlyList<SentRecord> Records { get; init; }

    /// <summary>The ids that Kafka acknowledged.</summary>
    public required IReadOnlyCollection<Guid> Acknowledged { get; init; }

    public required IReadOnlyList<AppliedRow> Applied { get; init; }

    /// <summary>The last ordinal of each consumer and key.</summary>
    public required IReadOnlyDictionary<(string Consumer, string Key), long> Ordinals { get; init; }

    public required IReadOnlyList<OutcomeRow> Dead { get; init; }

    public required IReadOnlyList<OutcomeRow> Parked { get; init; }

    /// <summary>What the handlers published, per partition by offset. The number is the effect's ordinal.</summary>
    public required IReadOnlyList<SentRecord> Answers { get; init; }

    /// <summary>The topic of dead letters.</summary>
    public required IReadOnlyList<SentRecord> DeadLetters { get; init; }

    /// <summary>The group's position in each partition.</summary>
    public required IReadOnlyDictionary<int, long> Committed { get; init; }

    public required IReadOnlyList<UnsentRow> Unsent { get; init; }
}
