using System.Text;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Tests.Consuming.Group;

/// <summary>Instances of one service in one group, on one database, each with a script of its own.</summary>
internal sealed class Members : IAsyncDisposable
{
    private const int Partitions = 3;

    private Members(TestBus bus, TestDatabase database)
    {
        Bus = bus;
        Database = database;
    }

    public TestBus Bus { get; }

    public TestDatabase Database { get; }

    public static async Task<Members> OpenAsync(KafkaBroker broker, DatabaseFixture databases)
    {
        var bus = await TestBus.CreateAsync(broker, Topics.Orders);
        return new Members(bus, await bus.AddDatabaseAsync<ShopContext>(databases));
    }

    public async Task<(TestService Service, Script Script)> StartAsync(
        Dictionary<string, string?> configuration, Func<Handling, Task>? scene = null, Action<ConsumerOptions>? options = null)
    {
        var script = new Script();
        if (scene is not null)
        {
            script[Warehouse.Ship] = scene;
        }

        var service = await Bus.StartAsync<ShopContext>(
            "mill",
            Database,
            bus => bus.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
            {
                Warehouse.Quick(o);
                options?.Invoke(o);
            }),
            services =>
            {
                services.AddSingleton(script);
                services.AddHealthChecks().AddCuckooEventBus();
            },
            configuration);
        return (service, script);
    }

    public static ConsumerStatus StatusOf(TestService service) => Assert.Single(service.Services.GetRequiredService<IConsumerAdministration>().List());

    /// <summary>The numbers of the partitions that a member has, sorted.</summary>
    public static string PartitionsOf(TestService service) => string.Join(' ', StatusOf(service).Partitions.Select(p => p.Partition).Order());

    public static async Task<HealthReportEntry> HealthOf(TestService service, string check = "cuckoo-eventbus-consumers") =>
        (await service.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken)).Entries[check];

    /// <summary>One record into each partition, numbered from <paramref name="first"/>.</summary>
    public async Task SendToEachAsync(int first)
    {
        foreach (var partition in Enumerable.Range(0, Partitions))
        {
            await SendAsync(first + partition, partition);
        }
    }

    public Task SendAsync(int number, int partition, string key = "a") => Bus.ProduceAsync(
        Topics.Orders,
        Encoding.UTF8.GetBytes(key),
        Encoding.UTF8.GetBytes($$"""{"orderId":"{{key}}","number":{{number}},"occurredAt":"2026-01-01T12:00:00Z"}"""),
        Warehouse.HeadersOf(Guid.NewGuid().ToString(), "shop", null),
        partition);

    /// <summary>The numbers of the effects, sorted.</summary>
    public async Task<string> NumbersAsync() =>
        string.Join(' ', (await Database.AskAsync<ShopContext, List<int>>(db => Microsoft.EntityFrameworkCore.EntityFrameworkQueryableExtensions.ToListAsync(db.Effects.Select(e => e.Number)))).Order());

    /// <summary>A client whose coordinator goes away while it commits may wait for the answer as long as socket.timeout.ms, a minute.</summary>
    public Task EventuallyNumbersAsync(int from, int to) =>
        Eventually.Equal(string.Join(' ', Enumerable.Range(from, to - from + 1)), NumbersAsync, TimeSpan.FromSeconds(150));

    public ValueTask DisposeAsync() => Bus.DisposeAsync();
}
