using System.Text;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>Processes of one group on one database, without a broker: the test hands them the records of a partition.</summary>
internal sealed class TwoOwners(TestDatabase database, Dictionary<string, string?> configuration) : IAsyncDisposable
{
    private readonly List<TestService> _services = [];
    private readonly Dictionary<int, string> _ids = [];

    public static PartitionId Partition { get; } = new("order-events", 0);

    public TestDatabase Database => database;

    /// <summary>One attempt in the lane; then so many more, each due at once.</summary>
    public static async Task<TwoOwners> OpenAsync(DatabaseFixture databases, int parkedAttempts = 1000, string delay = "00:00:00.001") =>
        new(await databases.CreateAsync<ShopContext>(), new Dictionary<string, string?>
        {
            // Nobody listens there, and with both roles off nobody asks.
            ["EventBus:BootstrapServers"] = "127.0.0.1:1",
            ["EventBus:ServiceName"] = "warehouse",
            ["EventBus:Relay:Enabled"] = "false",
            ["EventBus:Consumers:Enabled"] = "false",
            ["EventBus:ConsumerDefaults:Attempts"] = "1",
            ["EventBus:ConsumerDefaults:ParkedAttempts"] = $"{parkedAttempts}",
            ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = delay,
            ["EventBus:ConsumerDefaults:MaxParkedRetryDelay"] = delay,
        });

    /// <summary>Another process, which has not got the partition yet.</summary>
    public async Task<OwnerHand> AddAsync(Func<Handling, Task>? handler = null, Action<IServiceCollection>? services = null, TimeProvider? clock = null)
    {
        var script = new Script();
        if (handler is not null)
        {
            script[Warehouse.Ship] = handler;
        }

        var service = TestService.Build("warehouse", configuration, collection =>
        {
            collection.AddDbContext<ShopContext>(options => database.Configure(options));
            collection.AddCuckooEventBus(b => b.UseOutbox<ShopContext>().AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));
            collection.AddSingleton(script);
            services?.Invoke(collection);
        });
        await service.StartAsync();
        _services.Add(service);
        return new OwnerHand(service, Partition, clock);
    }

    /// <summary>The record of a number, each time the same one: its offset is its number.</summary>
    public IncomingRecord Record(int number, string? key = "a")
    {
        if (!_ids.TryGetValue(number, out var id))
        {
            _ids[number] = id = Guid.NewGuid().ToString();
        }

        return new IncomingRecord
        {
            Topic = Partition.Topic,
            Partition = Partition.Partition,
            Offset = number,
            Timestamp = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero),
            Key = key is null ? null : Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes($$"""{"orderId":"{{key}}","number":{{number}},"occurredAt":"2026-01-01T12:00:00Z"}"""),
            Headers = Warehouse.HeadersOf(id, "shop", null),
        };
    }

    /// <summary>The numbers of what handlers did, in their order.</summary>
    public async Task<string> EffectsAsync() =>
        string.Join(' ', await database.AskAsync<ShopContext, List<int>>(db => db.Effects.OrderBy(e => e.Id).Select(e => e.Number).ToListAsync()));

    public Task<List<RetryMessage>> ParkedAsync() =>
        database.AskAsync<ShopContext, List<RetryMessage>>(db => db.Set<RetryMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    public Task<List<DeadLetter>> DeadLettersAsync() =>
        database.AskAsync<ShopContext, List<DeadLetter>>(db => db.Set<DeadLetter>().AsNoTracking().ToListAsync());

    /// <summary>The outcome of each record that has one.</summary>
    public async Task<string> OutcomesAsync()
    {
        var marks = await database.AskAsync<ShopContext, List<InboxMessage>>(db => db.Set<InboxMessage>().AsNoTracking().ToListAsync());
        return string.Join(' ', _ids.OrderBy(pair => pair.Key).SelectMany(pair => marks.Where(m => m.EventId == pair.Value).Select(m => $"{pair.Key}:{m.Outcome}")));
    }

    public Task ExecuteAsync(string sql) => database.AskAsync<ShopContext, int>(db => db.Database.ExecuteSqlRawAsync(sql));

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services)
        {
            await service.DisposeAsync();
        }

        await database.DisposeAsync();
    }
}
