namespace Cuckoo.EventBus.Conformance.Pairs;

/// <summary>A broker and a kind of database that behaviours are shown on, shared by all tests.</summary>
public abstract class Pair : IAsyncLifetime
{
    /// <summary>The broker; the first test that asks for it starts it.</summary>
    public abstract Task<KafkaBroker> Broker { get; }

    public abstract DatabaseFixture Databases { get; }

    /// <summary>A broker that a test can take away without disturbing others. It runs.</summary>
    public abstract Task<InterruptibleBroker> StartBrokerAsync();

    /// <summary>Takes a database away from whoever uses it, until what is returned is disposed.</summary>
    public abstract Task<IAsyncDisposable> TakeAwayAsync(TestDatabase database);

    /// <summary>A service with a database whose handlers do what the test's script says, by default one row per record.</summary>
    /// <param name="consumers">Default: one of orders, named <see cref="Warehouse.Ship"/>.</param>
    /// <param name="configuration">Over that of <see cref="TestBus.Configuration"/>.</param>
    /// <param name="script">What handlers do from the start.</param>
    public async Task<Warehouse> OpenAsync(Action<EventBusBuilder>? consumers = null, Dictionary<string, string?>? configuration = null, Action<Script>? script = null) =>
        await Warehouse.OpenAsync(await Broker, Databases, consumers, configuration, script);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await DisposeBrokerAsync();
        await Databases.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task DisposeBrokerAsync();
}
