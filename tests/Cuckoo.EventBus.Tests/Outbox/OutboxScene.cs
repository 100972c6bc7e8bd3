using System.Text;
using System.Text.Json;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>An outbox with a service that only writes it, and relays that the test starts and stops.</summary>
internal sealed class OutboxScene : IAsyncDisposable
{
    /// <summary>Bytes that are no header block: such a row can't be sent, until it is repaired.</summary>
    private static readonly byte[] Spoilt = [0xFF];

    private static readonly byte[] NoHeaders = [1];

    private OutboxScene(TestBus bus, TestDatabase database, TestService writer)
    {
        Bus = bus;
        Database = database;
        Writer = writer;
    }

    public TestBus Bus { get; }

    public TestDatabase Database { get; }

    /// <summary>It relays nothing and wakes nobody, as a process that dies right behind its commit.</summary>
    public TestService Writer { get; }

    public static async Task<OutboxScene> OpenAsync(KafkaFixture kafka, DatabaseFixture databases) => await OpenAsync(await kafka.Broker, databases);

    /// <summary>Opens it with the topic of orders.</summary>
    public static async Task<OutboxScene> OpenAsync(KafkaBroker broker, DatabaseFixture databases, int partitions = 3, Dictionary<string, string>? config = null)
    {
        var bus = await TestBus.CreateAsync(broker);
        try
        {
            await broker.CreateTopicAsync(bus.Prefix + Topics.Orders, partitions, config);
            var database = await bus.AddDatabaseAsync<ShopContext>(databases);
            var writer = await bus.StartAsync<ShopContext>("shop", database, configuration: new Dictionary<string, string?> { ["EventBus:Relay:Enabled"] = "false" });
            return new OutboxScene(bus, database, writer);
        }
        catch
        {
            await bus.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts an instance that relays. It sweeps often; what was rejected it tries again only when told to.</summary>
    public Task<TestService> StartRelayAsync(params IEnumerable<(string Setting, string Value)> settings)
    {
        var configuration = new Dictionary<string, string?>
        {
            ["EventBus:Relay:SweepInterval"] = "00:00:00.100",
            ["EventBus:Relay:RetryDelay"] = "01:00:00",
            ["EventBus:Relay:MaxRetryDelay"] = "02:00:00",
        };
        foreach (var (setting, value) in settings)
        {
            configuration[$"EventBus:{setting}"] = value;
        }

        return Bus.StartAsync<ShopContext>("shop", Database, configuration: configuration);
    }

    /// <summary>Commits events of one key.</summary>
    public Task PublishAsync(string key, params IEnumerable<int> numbers) => PublishAsync(Writer, [.. numbers.Select(n => new OrderPlaced(key, n))]);

    public static Task PublishAsync(TestService service, IReadOnlyList<OrderPlaced> events, PublishOptions? options = null) => service.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<ShopContext>();
        await db.PublishBatchAsync(events, options);
        await db.SaveChangesAsync();
    });

    /// <summary>Commits an event that can't be sent, with others of its key behind it.</summary>
    public Task PublishSpoiltAsync(string key, int spoilt, params IEnumerable<int> behind) => Writer.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<ShopContext>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        var first = new OrderPlaced(key, spoilt);
        await db.PublishBatchAsync([first, .. behind.Select(n => new OrderPlaced(key, n))]);
        await db.SaveChangesAsync();
        var id = first.EventId.ToString();
        await db.Set<OutboxMessage>().Where(m => m.EventId == id).ExecuteUpdateAsync(set => set.SetProperty(m => m.Headers, Spoilt));
        await transaction.CommitAsync();
    });

    /// <summary>What was spoilt can be sent, and the rows that wait for a time are tried now.</summary>
    public async Task RepairAsync()
    {
        await Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().Where(m => m.Headers == Spoilt).ExecuteUpdateAsync(set => set.SetProperty(m => m.Headers, NoHeaders)));
        await Writer.Services.GetRequiredService<IOutboxAdministration>().RequeueAsync(new OutboxFilter { State = OutboxEntryState.Waiting }, ct: TestContext.Current.CancellationToken);
    }

    public short LaneOf(string key) => LaneHash.Lane(Bus.Prefix + Topics.Orders, Encoding.UTF8.GetBytes(key), 16);

    /// <summary>Other keys of a key's lane.</summary>
    public IEnumerable<string> Neighbours(string key) => Enumerable.Range(0, int.MaxValue).Select(i => $"neighbour-{i}").Where(other => LaneOf(other) == LaneOf(key));

    public Task<List<OutboxMessage>> RowsAsync() =>
        Database.AskAsync<ShopContext, List<OutboxMessage>>(db => db.Set<OutboxMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    /// <summary>The rows of a key as number and state, by id.</summary>
    public async Task<string> RowsOfAsync(string key) =>
        string.Join(", ", (await RowsAsync()).Where(m => m.Key is { } bytes && Encoding.UTF8.GetString(bytes) == key).Select(m => $"{NumberOf(m)} {m.State}{(m.DueAt is null ? "" : " for a time")}"));

    public Task EventuallyRowsAsync(string key, string expected) => Eventually.Equal(expected, () => RowsOfAsync(key), what: $"the rows of {key}");

    public Task EventuallyEmptyAsync() => Eventually.Equal(0, () => Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().CountAsync()), what: "the rows of the outbox");

    public Task<OutboxLane> LaneAsync(string key)
    {
        var lane = LaneOf(key);
        return Database.AskAsync<ShopContext, OutboxLane>(db => db.Set<OutboxLane>().AsNoTracking().SingleAsync(l => l.Lane == lane));
    }

    /// <summary>The numbers of a key as they stand in Kafka, repeats left out.</summary>
    public async Task<IReadOnlyList<int>> SentAsync(string key) =>
        [.. (await Bus.ReadAsync(Topics.Orders)).Where(r => r.KeyText == key).Select(r => r.Json.GetProperty("number").GetInt32()).Distinct()];

    public Task EventuallySentAsync(string key, params IEnumerable<int> expected) =>
        Eventually.Equal(string.Join(' ', expected), async () => string.Join(' ', await SentAsync(key)), what: $"what was sent of {key}");

    public async Task ExecuteAsync(string sql)
    {
        await using var db = Database.CreateContext<ShopContext>();
        db.Database.SetCommandTimeout(TimeSpan.FromMinutes(2));
        await db.Database.ExecuteSqlRawAsync(sql, TestContext.Current.CancellationToken);
    }

    /// <summary>Until some transaction of the database waits for another's lock.</summary>
    public static Task EventuallyWaitingForLockAsync(TestDatabase database) => Eventually.True(
        () => database.AskAsync<ShopContext, bool>(db => db.Database
            .SqlQueryRaw<int>("""SELECT pid AS "Value" FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'""")
            .AnyAsync()),
        what: "a transaction waits for a lock");

    public Task<int> CountAsync(string sql) => Database.AskAsync<ShopContext, int>(db => db.Database.SqlQueryRaw<int>(sql).SingleAsync());

    public ValueTask DisposeAsync() => Bus.DisposeAsync();

    private static int NumberOf(OutboxMessage message) => JsonDocument.Parse(message.Payload).RootElement.GetProperty("number").GetInt32();
}
