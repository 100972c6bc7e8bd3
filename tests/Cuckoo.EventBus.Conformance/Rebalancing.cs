using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Instances of one service that come and go.</summary>
public abstract class Rebalancing(Pair pair)
{
    [Fact]
    public Task Instances_share_the_records_under_KIP_848() => ShareAsync(Protocol("consumer"));

    [Fact]
    public Task Instances_share_the_records_under_the_classic_eager_protocol() => ShareAsync(Protocol("classic", "range"));

    [Fact]
    public Task Instances_share_the_records_under_the_cooperative_protocol() => ShareAsync(Protocol("classic", "cooperative-sticky"));

    [Fact]
    public async Task A_stopped_instances_partitions_go_to_the_others()
    {
        await using var shop = await pair.OpenAsync();
        var first = shop.Service;
        await shop.StartAsync();
        await SendToAllAsync(shop, 1, 30);
        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 30)]);

        await first.StopAsync();
        await SendToAllAsync(shop, 31, 30);

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 60)]);
    }

    [Fact]
    public async Task Instances_that_join_and_leave_while_records_flow_change_neither_order_nor_effects()
    {
        await using var shop = await pair.OpenAsync();
        string[] keys = ["a", "b", "c", "d", "e", "f"];
        var sender = Task.Run(async () =>
        {
            foreach (var number in Enumerable.Range(1, 60))
            {
                await Task.WhenAll(keys.Select(key => shop.SendAsync(new OrderPlaced(key, number))));
            }
        });

        for (var i = 0; i < 3; i++)
        {
            var leaving = shop.Service;
            await shop.StartAsync();
            await leaving.StopAsync();
        }

        await sender;
        await Eventually.Equal(360, async () => (await shop.EffectsAsync()).Count);
        var effects = await shop.EffectsAsync();
        Assert.All(keys, key => Assert.Equal(Enumerable.Range(1, 60), effects.Where(e => e.Key == key).Select(e => e.Number)));
    }

    [Fact]
    public async Task A_running_handler_finishes_before_its_partition_moves()
    {
        var (running, finish) = (new CountdownEvent(3), new TaskCompletionSource());
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Transaction = ConsumerTransaction.None),
            script: script => script[Warehouse.Ship] = async h =>
            {
                if (h.Number <= 3)
                {
                    running.Signal();
                    await finish.Task.WaitAsync(h.Ct);
                }
            });
        await SendToAllAsync(shop, 1, 3);
        await Eventually.True(() => running.IsSet);

        await shop.StartAsync();
        await SendToAllAsync(shop, 4, 30);
        finish.SetResult();

        await Eventually.Equal(33, () => shop.Script.Seen.Select(h => h.Number).Distinct().Count());
        Assert.Equal(33, shop.Script.Seen.Count);
        Assert.All(shop.Script.Seen, h => Assert.False(h.Ct.IsCancellationRequested));
    }

    [Fact]
    public async Task A_handler_slower_than_the_poll_interval_keeps_its_record_and_its_membership()
    {
        using var counter = new CountedMeasurements("cuckoo.eventbus.consumer.rebalances");
        await using var shop = await pair.OpenAsync(
            configuration: new() { ["EventBus:Kafka:Consumer:max.poll.interval.ms"] = "6000", ["EventBus:Kafka:Consumer:session.timeout.ms"] = pair is EmbeddedAndSqlite ? null : "6000" },
            script: script => script[Warehouse.Ship] = async h =>
            {
                h.AddEffect();
                if (h.Number == 1)
                {
                    await Task.Delay(TimeSpan.FromSeconds(7), h.Ct);
                }
            });
        await shop.SendAsync(new OrderPlaced("z", 0));
        await shop.EventuallyNumbersAsync(0);
        var before = counter.Of(shop.Service.Name);

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(0, 1);
        Assert.Equal([0, 1], shop.Script.Seen.Select(h => h.Number));
        Assert.Equal(before, counter.Of(shop.Service.Name));
    }

    [Fact]
    public async Task A_static_member_that_comes_back_goes_on_where_it_was()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { ["EventBus:Kafka:Consumer:group.instance.id"] = $"pod-{Guid.NewGuid():N}" });
        await SendToAllAsync(shop, 1, 9);
        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 9)]);

        await shop.RestartAsync();
        await SendToAllAsync(shop, 10, 9);

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 18)]);
        Assert.Equal(Enumerable.Range(10, 9), shop.Script.Seen.Select(h => h.Number).Order());
    }

    private async Task ShareAsync(Dictionary<string, string?> protocol)
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        Script[] scripts = [new(), new()];
        foreach (var script in scripts)
        {
            await bus.StartAsync<ShopContext>("warehouse", database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship), services => services.AddSingleton(script), protocol);
        }

        // Until both have partitions, only one of them sees anything.
        var sent = 0;
        await Eventually.True(async () =>
        {
            await Task.WhenAll(Enumerable.Range(0, 3).Select(partition => bus.ProduceAsync(
                Topics.Orders, null, """{"orderId":"a","number":1}"""u8.ToArray(), Warehouse.HeadersOf($"{Interlocked.Increment(ref sent)}", "shop", null), partition)));
            return scripts.All(script => !script.Seen.IsEmpty);
        });

        await Eventually.Equal(sent, () => database.AskAsync<ShopContext, int>(db => db.InboxAsync()));
        Assert.Equal(sent, scripts.Sum(script => script.Seen.Count));
    }

    private Dictionary<string, string?> Protocol(string protocol, string? strategy = null)
    {
        var isClassic = protocol == "classic";
        return new()
        {
            ["EventBus:Kafka:Consumer:group.protocol"] = protocol,
            ["EventBus:Kafka:Consumer:partition.assignment.strategy"] = strategy,
            // Of the other protocol's groups the broker decides these two. The embedded one lets members join a second before the session ends.
            ["EventBus:Kafka:Consumer:heartbeat.interval.ms"] = isClassic ? "200" : null,
            ["EventBus:Kafka:Consumer:session.timeout.ms"] = !isClassic ? null : pair is EmbeddedAndSqlite ? "2000" : "6000",
        };
    }

    private static async Task SendToAllAsync(Warehouse shop, int first, int count) =>
        await Task.WhenAll(Enumerable.Range(first, count).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n), partition: n % 3)));
}

public sealed class Rebalancing_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Rebalancing(pair);

public sealed class Rebalancing_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Rebalancing(pair);
