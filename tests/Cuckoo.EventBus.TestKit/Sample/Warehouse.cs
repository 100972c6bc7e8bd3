using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.TestKit.Sample;

/// <summary>A bus with one service that consumes into its own database; its handlers do what the script says.</summary>
public sealed class Warehouse : IAsyncDisposable
{
    /// <summary>The consumer that most tests have.</summary>
    public const string Ship = "ship";

    private readonly Action<EventBusBuilder> _consumers;

    private Warehouse(TestBus bus, TestDatabase database, Action<EventBusBuilder> consumers, Dictionary<string, string?> configuration)
    {
        Bus = bus;
        Database = database;
        _consumers = consumers;
        Configuration = configuration;
    }

    public TestBus Bus { get; }

    public TestDatabase Database { get; }

    /// <summary>What the service is configured with beyond its bus's own settings.</summary>
    public Dictionary<string, string?> Configuration { get; }

    public Script Script { get; private set; } = new();

    public TestService Service { get; private set; } = null!;

    public static async Task<Warehouse> OpenAsync(
        KafkaFixture kafka, DatabaseFixture databases, Action<EventBusBuilder>? consumers = null, Dictionary<string, string?>? configuration = null, Action<Script>? script = null) =>
        await OpenAsync(await kafka.Broker, databases, consumers, configuration, script);

    /// <summary>Tries again at once.</summary>
    public static void Quick(ConsumerOptions options) => options.RetryDelay = TimeSpan.FromMilliseconds(5);

    /// <summary>Opens it with the service running.</summary>
    public static async Task<Warehouse> OpenAsync(
        KafkaBroker broker, DatabaseFixture databases, Action<EventBusBuilder>? consumers = null, Dictionary<string, string?>? configuration = null, Action<Script>? script = null)
    {
        var bus = await TestBus.CreateAsync(broker, Topics.Orders, Topics.Shipping, Topics.AiTasks);
        try
        {
            var warehouse = new Warehouse(
                bus,
                await bus.AddDatabaseAsync<ShopContext>(databases),
                consumers ?? (b => b.AddConsumer<Scripted<OrderPlaced>>(Ship, Quick)),
                configuration ?? []);
            script?.Invoke(warehouse.Script);
            await warehouse.StartAsync();
            return warehouse;
        }
        catch
        {
            await bus.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the service, or another instance of it.</summary>
    public async Task<TestService> StartAsync()
    {
        return Service = await Bus.StartAsync<ShopContext>("warehouse", Database, _consumers, services => services.AddSingleton(Script), Configuration);
    }

    /// <summary>Stops the service and starts it again with a script of its own, as a deployment would.</summary>
    public async Task RestartAsync(Action<Script>? script = null)
    {
        await Service.StopAsync();
        Script = new Script();
        script?.Invoke(Script);
        await StartAsync();
    }

    /// <summary>Writes an event as another service of ours would.</summary>
    public Task<(int Partition, long Offset)> SendAsync(OrderPlaced placed, int? partition = null, EventHeaders? headers = null, string source = "shop", string? key = null) =>
        Bus.ProduceAsync(
            Topics.Orders,
            Encoding.UTF8.GetBytes(key ?? placed.OrderId),
            Encoding.UTF8.GetBytes($$"""{"orderId":{{JsonSerializer.Serialize(placed.OrderId)}},"number":{{placed.Number}},"occurredAt":"2026-01-01T12:00:00Z"}"""),
            HeadersOf(placed.EventId.ToString(), source, headers),
            partition);

    /// <summary>Writes any bytes under the name of an order.</summary>
    public Task<(int Partition, long Offset)> SendBytesAsync(byte[]? value, byte[]? key, EventHeaders? headers = null, int? partition = null) =>
        Bus.ProduceAsync(Topics.Orders, key, value, headers ?? HeadersOf(Guid.NewGuid().ToString(), "shop", null), partition);

    public static EventHeaders HeadersOf(string id, string source, EventHeaders? more)
    {
        var headers = new EventHeaders { { "ce_specversion", "1.0" }, { "ce_id", id }, { "ce_source", source }, { "ce_type", "order.placed" } };
        foreach (var (name, value) in more ?? [])
        {
            headers.Add(name, value);
        }

        return headers;
    }

    /// <summary>What handlers did and committed, in the order of their commits on SQLite and of their inserts on PostgreSQL.</summary>
    public async Task<IReadOnlyList<Effect>> EffectsAsync() =>
        await Database.AskAsync<ShopContext, List<Effect>>(db => db.Effects.AsNoTracking().OrderBy(e => e.Id).ToListAsync());

    public async Task<IReadOnlyList<int>> NumbersAsync(string? consumer = null) =>
        [.. (await EffectsAsync()).Where(e => consumer is null || e.Consumer == consumer).Select(e => e.Number)];

    public Task EventuallyNumbersAsync(params IReadOnlyList<int> expected) =>
        Eventually.Equal(string.Join(' ', expected.Order()), async () => string.Join(' ', (await NumbersAsync()).Order()), what: "the numbers of the effects");

    public Task<List<DeadLetterRow>> DeadLettersAsync() =>
        Database.AskAsync<ShopContext, List<DeadLetterRow>>(db => db.DeadLettersAsync());

    /// <summary>The dead letters in the table as soon as there are so many.</summary>
    public async Task<IReadOnlyList<DeadLetterRow>> DeadLettersAsync(int count) =>
        await Eventually.Until(DeadLettersAsync, letters => letters.Count >= count, what: $"{count} dead letters");

    public ValueTask DisposeAsync() => Bus.DisposeAsync();
}
