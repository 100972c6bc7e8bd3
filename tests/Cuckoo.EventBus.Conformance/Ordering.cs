using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Conformance;

/// <summary>The order of one key's events, and the freedom of all others.</summary>
public abstract class Ordering(Pair pair)
{
    [Fact]
    public async Task Events_of_a_key_reach_its_topic_in_the_order_of_their_commits_while_many_write()
    {
        await using var shop = await pair.OpenAsync(b => b.Publishes<OrderPlaced>());
        string[] keys = ["a", "b"];
        await shop.RequestAsync(async (db, _) =>
        {
            db.Orders.AddRange(keys.Select(key => new Order { Id = key }));
            await db.SaveChangesAsync();
        });

        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                var key = keys[(writer + i) % keys.Length];
                await shop.RequestAsync(async (db, events) =>
                {
                    await using var transaction = await db.Database.BeginTransactionAsync();
                    // Holds the order's row until the commit, so its number says which commit it is.
                    await db.Orders.Where(o => o.Id == key).ExecuteUpdateAsync(set => set.SetProperty(o => o.Number, o => o.Number + 1));
                    var number = await db.Orders.Where(o => o.Id == key).Select(o => o.Number).SingleAsync();
                    await events.PublishAsync(new OrderPlaced(key, number));
                    await db.SaveChangesAsync();
                    await transaction.CommitAsync();
                });
            }
        })));

        var records = await shop.Bus.ReadAsync(Topics.Orders, 80);
        Assert.All(keys, key => Assert.Equal(Enumerable.Range(1, 40), records.Where(r => r.KeyText == key).Select(r => r.Json.GetProperty("number").GetInt32())));
    }

    [Fact]
    public async Task Effects_of_a_key_happen_in_the_order_of_its_records()
    {
        await using var shop = await pair.OpenAsync();
        string[] keys = ["a", "b", "c", "d"];

        await shop.PublishAsync([.. Enumerable.Range(1, 25).SelectMany(n => keys.Select(key => new OrderPlaced(key, n)))]);

        await Eventually.Equal(100, async () => (await shop.EffectsAsync()).Count);
        var effects = await shop.EffectsAsync();
        Assert.All(keys, key => Assert.Equal(Enumerable.Range(1, 25), effects.Where(e => e.Key == key).Select(e => e.Number)));
    }

    [Fact]
    public async Task A_key_waits_for_its_failing_record_and_other_keys_go_on()
    {
        var (isMended, others) = (false, new TaskCompletionSource());
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => (o.Attempts, o.RetryDelay, o.MaxRetryDelay) = (10_000, TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(50))),
            script: script => script[Warehouse.Ship] = h =>
            {
                h.AddEffect();
                return h.Number == 1 && !isMended ? throw new InvalidOperationException() : Task.CompletedTask;
            });

        await shop.SendAsync(new OrderPlaced("a", 1), partition: 0);
        await shop.SendAsync(new OrderPlaced("a", 2), partition: 0);
        await shop.SendAsync(new OrderPlaced("b", 3), partition: 0);
        await shop.SendAsync(new OrderPlaced("c", 4), partition: 0);

        await shop.EventuallyNumbersAsync(3, 4);
        isMended = true;
        await shop.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([1, 2], (await shop.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
    }

    [Fact]
    public async Task Handlers_of_different_keys_of_a_partition_run_at_the_same_time() => await AllRunTogetherAsync(n => $"{n}");

    [Fact]
    public async Task Handlers_of_records_without_a_key_run_at_the_same_time() => await AllRunTogetherAsync(_ => null);

    [Fact]
    public async Task One_key_has_one_running_handler_at_a_time()
    {
        var (running, most) = (0, 0);
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = async h =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            h.AddEffect();
            await h.Db.SaveChangesAsync();
            Interlocked.Decrement(ref running);
        });

        await Task.WhenAll(Enumerable.Range(1, 40).Select(n => shop.SendAsync(new OrderPlaced("a", n))));

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 40)]);
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task Concurrency_says_how_many_handlers_run_at_the_same_time()
    {
        var (running, most) = (0, 0);
        var two = new TaskCompletionSource();
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => (o.Concurrency, o.Transaction) = (2, ConsumerTransaction.None)),
            script: script => script[Warehouse.Ship] = async h =>
            {
                var now = Interlocked.Increment(ref running);
                most = Math.Max(most, now);
                if (now == 2)
                {
                    two.TrySetResult();
                }

                await two.Task.WaitAsync(h.Ct);
                h.AddEffect();
                await h.Db.SaveChangesAsync(h.Ct);
                Interlocked.Decrement(ref running);
            });

        await Task.WhenAll(Enumerable.Range(1, 30).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n))));

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 30)]);
        Assert.Equal(2, most);
    }

    [Fact]
    public async Task Events_of_one_key_land_in_one_partition_whoever_writes_them()
    {
        await using var shop = await pair.OpenAsync();
        var keys = Enumerable.Range(1, 30).Select(n => $"key {n}").ToList();

        await shop.PublishAsync([.. keys.Select((key, n) => new OrderPlaced(key, n))]);
        // By a plain client with the partitioner of Java's.
        await Task.WhenAll(keys.Select((key, n) => shop.SendAsync(new OrderPlaced(key, 100 + n))));

        var records = await shop.Bus.ReadAsync(Topics.Orders, 60);
        Assert.All(records.GroupBy(r => r.KeyText), key => Assert.Single(key.Select(r => r.Partition).Distinct()));
        Assert.Equal(3, records.Select(r => r.Partition).Distinct().Count());
    }

    [Fact]
    public async Task Two_types_of_event_with_one_key_in_one_topic_are_handled_in_order()
    {
        await using var shop = await pair.OpenAsync(b => b
            .Map<Amended>(m => (m.Name, m.Topic, m.Key) = ("order.amended", Topics.Orders, a => a.OrderId))
            .AddConsumer<Desk>("desk"));

        await shop.PublishAsync([.. Enumerable.Range(0, 20).Select(n => n % 2 == 0 ? (object)new OrderPlaced("a", n) : new Amended("a", n))]);

        await Eventually.Equal(20, () => shop.Script.Seen.Count);
        Assert.Equal(Enumerable.Range(0, 20), shop.Script.Seen.Select(h => h.Event is Amended amended ? amended.Number : h.Number));
    }

    [Fact]
    public async Task The_order_of_a_key_holds_over_restarts()
    {
        await using var shop = await pair.OpenAsync(script: Slow);
        await shop.PublishAsync([.. Enumerable.Range(1, 40).Select(n => new OrderPlaced("a", n))]);
        await Eventually.True(async () => (await shop.NumbersAsync()).Count > 3);

        await shop.RestartAsync(Slow);

        await Eventually.Equal(40, async () => (await shop.NumbersAsync()).Count);
        Assert.Equal(Enumerable.Range(1, 40), await shop.NumbersAsync());

        static void Slow(Script script) => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await Task.Delay(TimeSpan.FromMilliseconds(20), h.Ct);
        };
    }

    private async Task AllRunTogetherAsync(Func<int, string?> key)
    {
        var (running, all) = (0, new TaskCompletionSource());
        await using var shop = await pair.OpenAsync(
            // SQLite has one transaction that writes, and each handler's own would be that one.
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Transaction = ConsumerTransaction.None),
            script: script => script[Warehouse.Ship] = async h =>
            {
                if (Interlocked.Increment(ref running) == 8)
                {
                    all.SetResult();
                }

                await all.Task.WaitAsync(h.Ct);
            });

        foreach (var number in Enumerable.Range(1, 8))
        {
            await shop.SendBytesAsync("""{"orderId":"a","number":1}"""u8.ToArray(), key(number) is { } text ? System.Text.Encoding.UTF8.GetBytes(text) : null, partition: 0);
        }

        await Eventually.Ends(all.Task);
    }

    private sealed record Amended(string OrderId, int Number);

    private sealed class Desk(Script script, IServiceProvider scope) : IEventConsumer<OrderPlaced>, IEventConsumer<Amended>
    {
        public Task ConsumeAsync(OrderPlaced @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));

        public Task ConsumeAsync(Amended @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));
    }
}

public sealed class Ordering_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Ordering(pair);

public sealed class Ordering_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Ordering(pair);
