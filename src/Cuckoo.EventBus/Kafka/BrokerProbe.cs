using Confluent.Kafka;

namespace Cuckoo.EventBus.Kafka;

/// <summary>Asks whether any broker answers. Safe for concurrent use: who asks while a question is on its way shares its answer.</summary>
internal sealed class BrokerProbe(KafkaClients clients)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<bool>? _asking;

    /// <param name="topic">One that exists, since asking for all of them could be a long answer; or <see langword="null"/> where none is known.</param>
    public Task<bool> AnswersAsync(string? topic)
    {
        lock (_lock)
        {
            // The client's call blocks, so it gets a thread of its own.
            return _asking is { IsCompleted: false } asking
                ? asking
                : _asking = Task.Factory.StartNew(() => Ask(topic), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    private bool Ask(string? topic)
    {
        try
        {
            using var admin = clients.Admin();
            return (topic is null ? admin.GetMetadata(Limit) : admin.GetMetadata(topic, Limit)).Brokers.Count > 0;
        }
        catch (KafkaException)
        {
            // No answer is the answer.
            return false;
        }
    }
}
