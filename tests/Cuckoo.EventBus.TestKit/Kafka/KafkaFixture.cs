using Xunit;

namespace Cuckoo.EventBus.TestKit;

/// <summary>
/// The broker that the tests of an assembly share, started by the first test that asks for it. The first that is there: the
/// one that <c>EVENTBUS_TEST_KAFKA</c> names, one from the distribution in <c>KAFKA_HOME</c>, a container, the embedded one.
/// </summary>
public sealed class KafkaFixture : IAsyncLifetime
{
    private readonly Lazy<Task<KafkaBroker>> _broker = new(StartAsync);

    public Task<KafkaBroker> Broker => _broker.Value;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_broker.IsValueCreated && _broker.Value.IsCompletedSuccessfully)
        {
            await (await _broker.Value).DisposeAsync();
        }
    }

    private static async Task<KafkaBroker> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("EVENTBUS_TEST_KAFKA") is { Length: > 0 } bootstrapServers)
        {
            return new ExternalBroker(bootstrapServers);
        }

        if (KafkaProcess.Home is { } home)
        {
            return await KafkaProcess.StartNewAsync(home);
        }

#if TESTCONTAINERS
        if (ContainerBroker.IsAvailable)
        {
            return await ContainerBroker.StartNewAsync();
        }
#endif

        return new EmbeddedBroker();
    }
}
