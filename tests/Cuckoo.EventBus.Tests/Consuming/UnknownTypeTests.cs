using System.Text;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>Records of a type that nobody here knows, where the topic parks them until somebody does.</summary>
public abstract class UnknownTypeTests(KafkaFixture kafka, DatabaseFixture databases)
{
    private const string Count = "count";

    [Fact]
    public async Task A_version_that_knows_the_type_runs_it_in_the_order_of_its_key()
    {
        await using var warehouse = await OpenAsync(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));
        await SendAsync(warehouse, 1);
        await SendUnknownAsync(warehouse, 2);
        await SendAsync(warehouse, 3);
        await warehouse.SendAsync(new OrderPlaced("b", 4), partition: 0);
        await warehouse.EventuallyNumbersAsync(1, 4);
        await Eventually.Equal("stock.counted:0 order.placed:0", () => ParkedAsync(warehouse));

        await DeployAsync(warehouse, b => b.AddConsumer<Both>(Warehouse.Ship, Warehouse.Quick));

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([1, 2, 3], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        Assert.Equal(1, warehouse.Script.Seen.Single(h => h.Number == 2).Context.Attempt);
        await EventuallyNothingWaitsAsync(warehouse);
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task A_new_consumer_of_the_type_gets_it_before_what_follows_and_the_old_one_goes_on()
    {
        await using var warehouse = await OpenAsync(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));
        await SendUnknownAsync(warehouse, 1);
        await SendAsync(warehouse, 2);
        await SendUnknownAsync(warehouse, 3);
        await Eventually.Equal("stock.counted:0 order.placed:0 stock.counted:0", () => ParkedAsync(warehouse));
        await warehouse.Service.StopAsync();
        await SendUnknownAsync(warehouse, 4);
        await SendAsync(warehouse, 5);

        await DeployAsync(warehouse, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick).AddConsumer<Scripted<StockCounted>>(Count, Warehouse.Quick));

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5);
        Assert.Equal([1, 3, 4], await warehouse.NumbersAsync(Count));
        Assert.Equal([2, 5], await warehouse.NumbersAsync(Warehouse.Ship));
        await EventuallyNothingWaitsAsync(warehouse);
    }

    [Fact]
    public async Task A_version_that_does_not_know_it_either_lets_it_wait()
    {
        await using var warehouse = await OpenAsync(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));
        await SendUnknownAsync(warehouse, 1);
        await SendAsync(warehouse, 2);
        await Eventually.Equal("stock.counted:0 order.placed:0", () => ParkedAsync(warehouse));
        var before = (await RowsAsync(warehouse))[0];

        await warehouse.RestartAsync();

        await Eventually.True(async () => (await RowsAsync(warehouse))[0].LastFailedAt > before.LastFailedAt);
        Assert.Equal("stock.counted:0 order.placed:0", await ParkedAsync(warehouse));
        Assert.Equal(before.FirstFailedAt, (await RowsAsync(warehouse))[0].FirstFailedAt);
        Assert.Empty(warehouse.Script.Seen);
    }

    [Fact]
    public async Task What_the_topic_would_no_longer_have_is_a_dead_letter_and_its_key_goes_on()
    {
        await using var warehouse = await OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick),
            new()
            {
                [$"EventBus:Topics:{Topics.Orders}:Retention"] = "00:00:02",
                ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = "00:00:00.5",
            });

        await SendUnknownAsync(warehouse, 1);
        await SendAsync(warehouse, 2);

        await warehouse.EventuallyNumbersAsync(2);
        var letter = Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Equal("stock.counted", letter.Type);
        Assert.True(letter.LastFailedAt - letter.FirstFailedAt >= TimeSpan.FromSeconds(2));
        await EventuallyNothingWaitsAsync(warehouse);
    }

    [Fact]
    public async Task In_a_batch_it_waits_behind_the_earlier_records_of_its_key_and_before_the_later_ones()
    {
        var options = (ConsumerOptions o) =>
        {
            Warehouse.Quick(o);
            (o.BatchSize, o.BatchWait) = (4, TimeSpan.FromSeconds(20));
        };
        await using var warehouse = await OpenAsync(b => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, options));

        await SendAsync(warehouse, 1);
        await SendUnknownAsync(warehouse, 2);
        await SendAsync(warehouse, 3);
        await warehouse.SendAsync(new OrderPlaced("b", 4), partition: 0);

        await warehouse.EventuallyNumbersAsync(1, 4);
        await Eventually.Equal("stock.counted:0 order.placed:0", () => ParkedAsync(warehouse));
        await DeployAsync(warehouse, b => b.AddConsumer<BothInBatches>(Warehouse.Ship, options));
        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([1, 2, 3], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        await EventuallyNothingWaitsAsync(warehouse);
    }

    [Fact]
    public async Task A_record_without_a_key_waits_alone()
    {
        await using var warehouse = await OpenAsync(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));
        await SendUnknownAsync(warehouse, 1, key: null);
        await warehouse.SendBytesAsync("""{"orderId":"x","number":2}"""u8.ToArray(), key: null, partition: 0);
        await warehouse.EventuallyNumbersAsync(2);

        await DeployAsync(warehouse, b => b.AddConsumer<Both>(Warehouse.Ship, Warehouse.Quick));

        await warehouse.EventuallyNumbersAsync(1, 2);
        await EventuallyNothingWaitsAsync(warehouse);
    }

    private static async Task DeployAsync(Warehouse warehouse, Action<EventBusBuilder> consumers)
    {
        await warehouse.Service.StopAsync();
        await warehouse.Bus.StartAsync<ShopContext>("warehouse", warehouse.Database, consumers, services => services.AddSingleton(warehouse.Script), Parks());
    }

    private static Task<(int Partition, long Offset)> SendAsync(Warehouse warehouse, int number) => warehouse.SendAsync(new OrderPlaced("a", number), partition: 0);

    private static Task<(int Partition, long Offset)> SendUnknownAsync(Warehouse warehouse, int number, string? key = "a") => warehouse.SendBytesAsync(
        Encoding.UTF8.GetBytes($$"""{"count":{{number}}}"""),
        key is null ? null : Encoding.UTF8.GetBytes(key),
        new EventHeaders { { "ce_id", Guid.NewGuid().ToString() }, { "ce_source", "shop" }, { "ce_type", "stock.counted" } },
        partition: 0);

    private static Task<List<RetryMessage>> RowsAsync(Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<RetryMessage>>(db => db.Set<RetryMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    private static async Task<string> ParkedAsync(Warehouse warehouse) => string.Join(' ', (await RowsAsync(warehouse)).Select(m => $"{m.Type}:{m.Attempts}"));

    private static async Task EventuallyNothingWaitsAsync(Warehouse warehouse)
    {
        await Eventually.Equal(0, async () => (await RowsAsync(warehouse)).Count);
        Assert.DoesNotContain(
            await warehouse.Database.AskAsync<ShopContext, List<InboxMessage>>(db => db.Set<InboxMessage>().AsNoTracking().ToListAsync()), mark => mark.Outcome == InboxOutcome.Parked);
    }

    private static Dictionary<string, string?> Parks() => new() { [$"EventBus:Topics:{Topics.Orders}:UnknownTypes"] = "Park" };

    private Task<Warehouse> OpenAsync(Action<EventBusBuilder> consumers, Dictionary<string, string?>? more = null)
    {
        var configuration = Parks();
        foreach (var (name, value) in more ?? [])
        {
            configuration[name] = value;
        }

        return Warehouse.OpenAsync(kafka, databases, consumers, configuration);
    }

    private sealed class Both(Script script, IServiceProvider scope) : IEventConsumer<OrderPlaced>, IEventConsumer<StockCounted>
    {
        public Task ConsumeAsync(OrderPlaced @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));

        public Task ConsumeAsync(StockCounted @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));
    }

    private sealed class BothInBatches(Script script, IServiceProvider scope) : IEventBatchConsumer<OrderPlaced>, IEventBatchConsumer<StockCounted>
    {
        public Task ConsumeAsync(IReadOnlyList<ReceivedEvent<OrderPlaced>> batch, CancellationToken ct) =>
            script.PlayAsync([.. batch.Select(received => new Handling(received.Event, received.Context, scope, ct))]);

        public Task ConsumeAsync(IReadOnlyList<ReceivedEvent<StockCounted>> batch, CancellationToken ct) =>
            script.PlayAsync([.. batch.Select(received => new Handling(received.Event, received.Context, scope, ct))]);
    }
}

public sealed class Unknown_types_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : UnknownTypeTests(kafka, databases);

public sealed class Unknown_types_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : UnknownTypeTests(kafka, databases);
