namespace Cuckoo.EventBus.Tests.Kafka;

/// <summary>A broker that its tests may stop and start.</summary>
public sealed class OwnBroker : IAsyncLifetime
{
    public InterruptibleBroker Broker { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Broker = await InterruptibleBroker.StartNewAsync();

    public ValueTask DisposeAsync() => Broker.DisposeAsync();
}

/// <summary>One after the other on one broker.</summary>
[CollectionDefinition]
public sealed class OwnBrokerCollection : ICollectionFixture<OwnBroker>;
