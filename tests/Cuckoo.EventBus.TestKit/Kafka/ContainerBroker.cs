#if TESTCONTAINERS
using Testcontainers.Kafka;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A broker in a container.</summary>
public sealed class ContainerBroker : KafkaBroker
{
    private readonly KafkaContainer _container;

    private ContainerBroker(KafkaContainer container) => _container = container;

    public override string BootstrapServers => _container.GetBootstrapAddress();

    public override bool IsReal => true;

    public static bool IsAvailable => Environment.GetEnvironmentVariable("DOCKER_HOST") is { Length: > 0 } || File.Exists("/var/run/docker.sock");

    public static async Task<ContainerBroker> StartNewAsync()
    {
        var container = new KafkaBuilder("confluentinc/cp-kafka:7.5.12")
            .WithEnvironment("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
            .WithEnvironment("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
            .Build();
        await container.StartAsync();
        return new ContainerBroker(container);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _container.DisposeAsync();
    }
}
#endif
