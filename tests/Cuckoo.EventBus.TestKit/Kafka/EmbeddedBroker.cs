using Cuckoo.EventBus.Testing;

namespace Cuckoo.EventBus.TestKit;

/// <summary>The broker inside this process.</summary>
public sealed class EmbeddedBroker : InterruptibleBroker
{
    private readonly EmbeddedKafka _kafka = EmbeddedKafka.Start();

    public override string BootstrapServers => _kafka.BootstrapServers;

    public override bool IsReal => false;

    public override IReadOnlyDictionary<string, string> ConsumerSettings =>
        new Dictionary<string, string>(_kafka.ConsumerSettings) { ["auto.commit.interval.ms"] = "100" };

    public override Task CreateTopicAsync(string name, int partitions = 3, Dictionary<string, string>? config = null)
    {
        _kafka.CreateTopic(name, partitions);
        return Task.CompletedTask;
    }

    public override Task StopAsync()
    {
        _kafka.SetBrokerDown();
        return Task.CompletedTask;
    }

    public override Task StartAsync()
    {
        _kafka.SetBrokerUp();
        return Task.CompletedTask;
    }

    /// <summary>Takes a partition's leader away, so that it takes no records, or gives it back.</summary>
    public void SetLeader(string topic, int partition, bool isThere) => _kafka.SetPartitionLeader(topic, partition, isThere ? 1 : null);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _kafka.DisposeAsync();
    }
}
