using Cuckoo.EventBus.Chaos.Checking;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What the harness reads of a run's topics while it goes on.</summary>
internal sealed class ConsumerTopics(string brokers, string prefix) : IDisposable
{
    public const string Moves = "moves";
    public const string Answers = "answers";
    public const string DeadLetters = "dead-letter-queue";

    public RecordTail Records { get; } = new(brokers, prefix + Moves);

    public RecordTail Published { get; } = new(brokers, prefix + Answers);

    public RecordTail Letters { get; } = new(brokers, prefix + DeadLetters);

    public void Dispose()
    {
        Records.Dispose();
        Published.Dispose();
        Letters.Dispose();
    }
}
