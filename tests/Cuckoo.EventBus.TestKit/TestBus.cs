using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.TestKit;

/// <summary>
/// What the services of one test have in common: a broker, and topics that are theirs alone because their names begin with a
/// prefix of the test's own. So do the services' names, which are their groups.
/// </summary>
public sealed class TestBus : IAsyncDisposable
{
    public const string DeadLetterTopic = "dead-letter-queue";

    private readonly Stack<TestService> _services = new();
    private readonly List<TestDatabase> _databases = [];

    private TestBus(KafkaBroker broker) => Broker = broker;

    public KafkaBroker Broker { get; }

    /// <summary>Before each topic's name and each service's.</summary>
    public string Prefix { get; } = $"t{Guid.NewGuid().ToString("N")[..10]}-";

    /// <summary>A bus whose topics are there, and the one of dead letters.</summary>
    public static async Task<TestBus> CreateAsync(KafkaBroker broker, params IReadOnlyList<string> topics)
    {
        var bus = new TestBus(broker);
        await Task.WhenAll(topics.Select(topic => broker.CreateTopicAsync(bus.Prefix + topic)).Append(broker.CreateTopicAsync(bus.Prefix + DeadLetterTopic, partitions: 1)));
        return bus;
    }

    /// <inheritdoc cref="CreateAsync(KafkaBroker, IReadOnlyList{string})"/>
    public static async Task<TestBus> CreateAsync(KafkaFixture kafka, params IReadOnlyList<string> topics) => await CreateAsync(await kafka.Broker, topics);

    /// <summary>A database that ends with the bus, after its services.</summary>
    public async Task<TestDatabase> AddDatabaseAsync<TContext>(DatabaseFixture databases)
        where TContext : DbContext
    {
        var database = await databases.CreateAsync<TContext>();
        _databases.Add(database);
        return database;
    }

    /// <summary>The configuration that every service here begins with.</summary>
    public Dictionary<string, string?> Configuration(string service)
    {
        var configuration = new Dictionary<string, string?>
        {
            ["EventBus:BootstrapServers"] = Broker.BootstrapServers,
            ["EventBus:ServiceName"] = Prefix + service,
            ["EventBus:TopicPrefix"] = Prefix,
            // A record given up is a dead letter right away, unless a test is about parked ones.
            ["EventBus:ConsumerDefaults:ParkedAttempts"] = "0",
        };
        foreach (var (name, value) in Broker.ConsumerSettings)
        {
            configuration[$"EventBus:Kafka:Consumer:{name}"] = value;
        }

        return configuration;
    }

    /// <summary>Builds a service without starting it; the bus's end is its end. A setting of null is left out.</summary>
    public TestService Build(string name, Action<IServiceCollection> configure, IEnumerable<KeyValuePair<string, string?>>? configuration = null)
    {
        var settings = Configuration(name);
        foreach (var (key, value) in configuration ?? [])
        {
            settings[key] = value;
            if (value is null)
            {
                settings.Remove(key);
            }
        }

        var service = TestService.Build(settings["EventBus:ServiceName"]!, settings, configure);
        _services.Push(service);
        return service;
    }

    /// <summary>Starts a service that has a database and an outbox in it.</summary>
    public async Task<TestService> StartAsync<TContext>(
        string name,
        TestDatabase database,
        Action<EventBusBuilder>? configure = null,
        Action<IServiceCollection>? services = null,
        IEnumerable<KeyValuePair<string, string?>>? configuration = null)
        where TContext : DbContext
    {
        var service = Build(
            name,
            collection =>
            {
                collection.AddDbContext<TContext>(options => database.Configure(options));
                collection.AddCuckooEventBus(bus => bus.UseOutbox<TContext>());
                collection.AddCuckooEventBus(configure);
                services?.Invoke(collection);
            },
            configuration);
        await service.StartAsync();
        return service;
    }

    public Task<IReadOnlyList<KafkaRecord>> ReadAsync(string topic) => Broker.ReadAsync(Prefix + topic);

    public Task<IReadOnlyList<KafkaRecord>> ReadAsync(string topic, int count) => Broker.ReadAsync(Prefix + topic, count);

    public Task<(int Partition, long Offset)> ProduceAsync(string topic, byte[]? key, byte[]? value, EventHeaders? headers = null, int? partition = null) =>
        Broker.ProduceAsync(Prefix + topic, key, value, headers, partition);

    public async ValueTask DisposeAsync()
    {
        while (_services.TryPop(out var service))
        {
            await service.DisposeAsync();
        }

        foreach (var database in _databases)
        {
            await database.DisposeAsync();
        }
    }
}
