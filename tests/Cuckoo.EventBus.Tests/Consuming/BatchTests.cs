using System.Diagnostics;
using System.Text;
using Cuckoo.EventBus.Inbox;
using static Cuckoo.EventBus.Tests.Consuming.BatchScene;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>Many records in one transaction.</summary>
public abstract class BatchTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task Batches_are_as_large_as_they_may_be_and_keep_the_order_of_their_partition()
    {
        await using var warehouse = await OpenAsync(Options(5));

        await warehouse.SendAsync([.. Enumerable.Range(1, 10).Select(n => (n % 2 == 0 ? "a" : "b", n))]);

        await Eventually.Equal(10, async () => (await warehouse.EffectsAsync()).Count);
        Assert.Equal("1 2 3 4 5 | 6 7 8 9 10", warehouse.Script.Calls());
        Assert.Equal(Enumerable.Range(1, 10), await warehouse.NumbersAsync());
        Assert.All(warehouse.Script.Batches, batch => Assert.Single(batch.Select(h => h.Scope).Distinct()));
        var context = warehouse.Script.Batches.First()[2].Context;
        Assert.Equal((warehouse.Bus.Prefix + Topics.Orders, 0, 2, "b", Warehouse.Ship, warehouse.Service.Name, 1), (context.Topic, context.Partition, context.Offset, context.Key, context.Consumer, context.Group, context.Attempt));
    }

    [Fact]
    public async Task A_batch_that_is_not_full_begins_when_it_has_waited()
    {
        await using var warehouse = await OpenAsync(Options(1000, TimeSpan.FromSeconds(2)));
        var clock = Stopwatch.StartNew();

        await warehouse.SendAsync(1, 2, 3);

        await warehouse.EventuallyNumbersAsync(1, 2, 3);
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(2), Eventually.Limit);
        Assert.True(warehouse.Script.Batches.Count < 3, warehouse.Script.Calls());
    }

    [Fact]
    public async Task Repeats_inside_a_batch_and_of_earlier_ones_never_reach_the_handler()
    {
        await using var warehouse = await OpenAsync(Options(4));
        var events = Enumerable.Range(0, 5).Select(n => new OrderPlaced("a", n)).ToList();

        foreach (var n in new[] { 1, 1, 2, 1, 3, 2, 4, 3 })
        {
            await warehouse.SendAsync(events[n], partition: 0);
        }

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal("1 2 | 3 4", warehouse.Script.Calls());
    }

    [Fact]
    public async Task A_batch_of_nothing_but_repeats_calls_nobody()
    {
        await using var warehouse = await OpenAsync(Options(2));
        var (one, two) = (new OrderPlaced("a", 1), new OrderPlaced("a", 2));

        foreach (var e in new[] { one, two, two, one, new OrderPlaced("a", 3), new OrderPlaced("a", 4) })
        {
            await warehouse.SendAsync(e, partition: 0);
        }

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal("1 2 | 3 4", warehouse.Script.Calls());
    }

    [Fact]
    public async Task A_failing_record_is_found_and_given_up_and_all_others_are_applied_in_order()
    {
        await using var warehouse = await OpenAsync(Options(8), script => script[Warehouse.Ship] = h => h.Number == 6 ? throw new InvalidOperationException("no paper") : Apply(h));

        await warehouse.SendAsync([.. Enumerable.Range(1, 8).Select(n => ("a", n))]);

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5, 7, 8);
        Assert.Equal("1 2 3 4 5 6 7 8 | 1 2 3 4 | 5 6 7 8 | 5 6 | 5 | 6 | 6 | 6 | 7 8", warehouse.Script.Calls());
        Assert.Equal([1, 2, 3, 4, 5, 7, 8], await warehouse.NumbersAsync());
        var letter = Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Equal((3, "no paper"), (letter.Attempts, letter.ExceptionMessage));
    }

    [Fact]
    public async Task A_record_that_succeeds_at_last_is_alone_then_and_costs_the_others_nothing()
    {
        await using var warehouse = await OpenAsync(
            Options(4), script => script[Warehouse.Ship] = h => h.Number == 2 && (h.Context.Attempt < 3) ? throw new InvalidOperationException("not yet") : Apply(h));

        await warehouse.SendAsync(1, 2, 3, 4);

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([1, 2, 3, 4], await warehouse.NumbersAsync());
        Assert.Equal([1, 1, 1, 2, 3], warehouse.Script.Seen.Where(h => h.Number == 2).Select(h => h.Context.Attempt));
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task What_a_failed_attempt_did_and_published_is_not_there()
    {
        var failures = 1;
        await using var warehouse = await OpenAsync(Options(2), script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await h.Events.PublishAsync(new OrderShipped("a", h.Number));
            await h.Db.SaveChangesAsync();
            if (h.Number == 2 && Interlocked.Decrement(ref failures) >= 0)
            {
                throw new InvalidOperationException("no paper");
            }
        });

        await warehouse.SendAsync(1, 2);

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal("1 2 | 1 | 2", warehouse.Script.Calls());
        Assert.Equal([1, 2], (await warehouse.Bus.ReadAsync(Topics.Shipping, 2)).Select(r => r.Json.GetProperty("number").GetInt32()));
    }

    [Fact]
    public async Task An_exception_says_whether_to_try_again_to_park_or_to_give_up()
    {
        await using var warehouse = await OpenAsync(
            Options(4, more: o => o.Park<NotSupportedException>().Reject<ArgumentException>()),
            script => script[Warehouse.Ship] = h => h.Number switch
            {
                1 => throw new InvalidOperationException("try again"),
                2 => throw new NotSupportedException("later"),
                3 => throw new ArgumentException("never"),
                _ => Apply(h),
            },
            configuration: Parking("01:00:00"));

        await warehouse.SendAsync(1, 2, 3, 4);

        await warehouse.EventuallyNumbersAsync(4);
        Assert.Equal("1:2 2:1", string.Join(' ', (await warehouse.ParkedAsync()).Select(m => $"{Encoding.UTF8.GetString(m.Key!)}:{m.Attempts}")));
        Assert.Equal(1, Assert.Single(await warehouse.DeadLettersAsync()).Attempts);
    }

    [Fact]
    public async Task Records_of_a_parked_key_are_left_out_of_batches_and_order_returns_with_it()
    {
        var isMended = false;
        await using var warehouse = await OpenAsync(
            Options(4),
            script => script[Warehouse.Ship] = h => Volatile.Read(ref isMended) || h.Context.Key != "a" ? Apply(h) : throw new InvalidOperationException("no paper"),
            configuration: Parking());

        await warehouse.SendAsync(("b", 1), ("a", 2), ("b", 3), ("a", 4), ("a", 5), ("b", 6), ("c", 7), ("a", 8));

        await warehouse.EventuallyNumbersAsync(1, 3, 6, 7);
        await Eventually.Equal(4, async () => (await warehouse.ParkedAsync()).Count);
        Assert.Contains("6 7", warehouse.Script.Calls(), StringComparison.Ordinal);
        Assert.Equal([2], warehouse.Script.Seen.Where(h => h.Context.Key == "a").Select(h => h.Number).Distinct());
        Volatile.Write(ref isMended, true);
        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal([2, 4, 5, 8], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        Assert.Empty(await warehouse.ParkedAsync());
        Assert.All(await warehouse.InboxAsync(), mark => Assert.Equal(InboxOutcome.Done, mark.Outcome));
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task What_an_earlier_owner_parked_is_no_part_of_a_batch_and_holds_its_key()
    {
        var events = Enumerable.Range(0, 4).Select(n => new OrderPlaced(n == 3 ? "b" : "a", n)).ToList();
        await using var warehouse = await OpenAsync(Options(3), script => script[Warehouse.Ship] = Apply, configuration: Parking());
        await warehouse.SendAsync(("x", 101), ("y", 102), ("z", 103));
        await warehouse.EventuallyNumbersAsync(101, 102, 103);
        await warehouse.ParkAsync(events[1], offset: 3);

        foreach (var e in events.Skip(1))
        {
            await warehouse.SendAsync(e, partition: 0);
        }

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 101, 102, 103);
        Assert.Equal([1, 2], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        Assert.DoesNotContain(warehouse.Script.Batches, batch => batch.Count > 1 && batch.Any(h => h.Context.Key == "a"));
        Assert.Empty(await warehouse.ParkedAsync());
    }

    [Fact]
    public async Task Records_that_cannot_be_read_are_dead_letters_and_the_batch_is_applied()
    {
        await using var warehouse = await OpenAsync(Options(4));

        await warehouse.SendAsync(1);
        await warehouse.SendBytesAsync("{"u8.ToArray(), "a"u8.ToArray(), partition: 0);
        await warehouse.SendBytesAsync(null, "a"u8.ToArray(), partition: 0);
        await warehouse.SendAsync(2);

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal("1 2", warehouse.Script.Calls());
        Assert.All(await warehouse.DeadLettersAsync(2), letter => Assert.Equal(1, letter.Attempts));
    }

    [Fact]
    public async Task Events_of_several_types_in_one_topic_are_one_transaction_and_keep_their_order()
    {
        await using var warehouse = await OpenAsync(Options(5), consumers: b => b.AddConsumer<Office>(Warehouse.Ship, Options(5)));

        await warehouse.SendAsync(("a", 1), ("a", 2));
        await warehouse.Bus.ProduceAsync(Topics.Orders, "a"u8.ToArray(), """{"count":3}"""u8.ToArray(), new EventHeaders { { "ce_id", "x" }, { "ce_source", "mill" }, { "ce_type", "stock.counted" } }, partition: 0);
        await warehouse.SendAsync(("a", 4), ("a", 5));

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5);
        Assert.Equal("1 2 | 3 | 4 5", warehouse.Script.Calls());
        Assert.Single(warehouse.Script.Batches.SelectMany(batch => batch).Select(h => h.Scope).Distinct());
        Assert.Equal([1, 2, 3, 4, 5], await warehouse.NumbersAsync());
    }

    [Fact]
    public async Task A_consumer_of_batches_and_one_of_single_records_have_their_own_outcomes()
    {
        const string Bill = "bill";
        await using var warehouse = await OpenAsync(
            Options(3),
            script =>
            {
                script[Warehouse.Ship] = h => h.Number == 2 ? throw new InvalidOperationException("no paper") : Apply(h);
                script[Bill] = h => h.Number == 3 ? throw new InvalidOperationException("no money") : Apply(h);
            },
            b => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, Options(3)).AddConsumer<Scripted<OrderPlaced>>(Bill, Warehouse.Quick));

        await warehouse.SendAsync(1, 2, 3);

        await warehouse.EventuallyNumbersAsync(1, 1, 2, 3);
        Assert.Equal([1, 3], await warehouse.NumbersAsync(Warehouse.Ship));
        Assert.Equal([1, 2], (await warehouse.NumbersAsync(Bill)).Order());
        Assert.Equal("bill:3 ship:2", string.Join(' ', (await warehouse.DeadLettersAsync(2)).Select(l => $"{l.Consumer}:{Encoding.UTF8.GetString(l.Key!)}").Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task A_position_does_not_move_before_every_consumer_is_done()
    {
        const string Bill = "bill";
        static void Consumers(EventBusBuilder b) => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, Options(4)).AddConsumer<Scripted<OrderPlaced>>(Bill, Warehouse.Quick);
        await using var warehouse = await OpenAsync(Options(4), consumers: Consumers);
        await warehouse.SendAsync(1, 2, 3);
        // The other one waits for a fourth.
        await warehouse.EventuallyNumbersAsync(1, 2, 3);

        await warehouse.RestartAsync();
        await warehouse.SendAsync(4);

        await warehouse.EventuallyNumbersAsync(1, 1, 2, 2, 3, 3, 4, 4);
        Assert.Equal("1 2 3 4", warehouse.Script.Calls());
        Assert.Equal([4], warehouse.Script.Seen.Where(h => h.Context.Consumer == Bill).Select(h => h.Number));
        await warehouse.RestartAsync();
        await warehouse.SendAsync(5, 6, 7, 8);
        await Eventually.Equal("5 6 7 8", () => warehouse.Script.Calls());
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_a_divided_batch_keeps_what_is_done_and_loses_nothing()
    {
        var running = new TaskCompletionSource();
        await using var warehouse = await OpenAsync(
            Options(4),
            script => script[Warehouse.Ship] = async h =>
            {
                h.AddEffect();
                if (h.Number == 4)
                {
                    if (Calls(script) == 1)
                    {
                        throw new InvalidOperationException("divide");
                    }

                    running.TrySetResult();
                    await Task.Delay(Timeout.Infinite, h.Ct);
                }
            },
            configuration: new() { ["EventBus:StopTimeout"] = "00:00:00.200" });
        await warehouse.SendAsync(1, 2, 3, 4);
        await Eventually.Ends(running.Task);
        Assert.Equal([1, 2], await warehouse.NumbersAsync());

        await Eventually.Ends(warehouse.Service.StopAsync());
        await warehouse.RestartAsync();
        await warehouse.SendAsync(5, 6);

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5, 6);
        // What was done stays done, and its position was committed.
        Assert.Equal("3 4 5 6", warehouse.Script.Calls());
        Assert.Empty(await warehouse.DeadLettersAsync());

        static int Calls(Script script) => script.Batches.Count;
    }

    [Fact]
    public async Task A_stop_lets_a_running_batch_finish()
    {
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var warehouse = await OpenAsync(Options(2), script => script.BeforeBatch = _ =>
        {
            running.TrySetResult();
            return finish.Task;
        });
        await warehouse.SendAsync(1, 2, 3);
        await Eventually.Ends(running.Task);

        var stop = warehouse.Service.StopAsync();
        finish.SetResult();
        await Eventually.Ends(stop);

        Assert.Equal([1, 2], await warehouse.NumbersAsync());
        await warehouse.RestartAsync();
        await warehouse.SendAsync(4);
        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal("3 4", warehouse.Script.Calls());
    }

    [Fact]
    public async Task Without_a_transaction_the_handler_comes_first_and_all_marks_then()
    {
        var transactions = new List<bool>();
        await using var warehouse = await OpenAsync(
            Options(3, more: o => o.Transaction = ConsumerTransaction.None),
            script => script.BeforeBatch = async batch =>
            {
                transactions.Add(batch[0].Db.Database.CurrentTransaction is not null);
                var marked = await Inbox(batch[0].Db);
                Assert.All(batch, h => Assert.DoesNotContain(h.Context.EventId, marked));
            });
        var events = Enumerable.Range(0, 5).Select(n => new OrderPlaced("a", n)).ToList();

        foreach (var n in new[] { 1, 2, 2, 3, 1, 4 })
        {
            await warehouse.SendAsync(events[n], partition: 0);
        }

        await Eventually.Equal(4, async () => (await warehouse.InboxAsync()).Count);
        Assert.Equal("1 2 | 3 4", warehouse.Script.Calls());
        Assert.DoesNotContain(true, transactions);

        static async Task<List<string>> Inbox(ShopContext db) => [.. (await Microsoft.EntityFrameworkCore.EntityFrameworkQueryableExtensions.ToListAsync(db.Set<InboxMessage>())).Select(m => m.EventId)];
    }

    [Fact]
    public async Task Concurrency_bounds_how_many_batches_run_at_once()
    {
        var (running, most) = (0, 0);
        await using var warehouse = await OpenAsync(Options(2, more: o => o.Concurrency = 2), script => script.BeforeBatch = async _ =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref running));
            await Task.Yield();
            Interlocked.Decrement(ref running);
        });

        await Task.WhenAll(Enumerable.Range(0, 60).Select(n => warehouse.SendAsync(new OrderPlaced($"{n}", n), partition: n % 3)));

        await Eventually.Equal(60, async () => (await warehouse.EffectsAsync()).Count);
        Assert.InRange(most, 1, 2);

        static void InterlockedMax(ref int most, int value)
        {
            for (var seen = Volatile.Read(ref most); seen < value && Interlocked.CompareExchange(ref most, value, seen) != seen; seen = Volatile.Read(ref most))
            {
                // Another one was faster.
            }
        }
    }

    [Fact]
    public async Task Hooks_run_around_each_record_and_what_they_set_reaches_neither_another_record_nor_the_handler()
    {
        var tenant = new AsyncLocal<string?>();
        var (before, after, inHandler) = (new List<string?>(), new List<string?>(), new List<string?>());
        await using var warehouse = await OpenAsync(
            Options(4),
            script => script[Warehouse.Ship] = h =>
            {
                inHandler.Add(tenant.Value);
                return Apply(h);
            },
            b => b
                .OnConsume((context, next) =>
                {
                    lock (before)
                    {
                        before.Add(tenant.Value);
                    }

                    tenant.Value = context.Key;
                    return context.Key == "3" ? Task.CompletedTask : next();
                })
                .OnConsume(async (context, next) =>
                {
                    await next();
                    lock (after)
                    {
                        after.Add(tenant.Value);
                    }
                })
                .AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, Options(4)));

        await warehouse.SendAsync(1, 2, 3, 4);

        await warehouse.EventuallyNumbersAsync(1, 2, 4);
        await Eventually.Equal(3, () => after.Count);
        Assert.Equal([null, null, null, null], before);
        Assert.Equal([null, null, null], inHandler);
        Assert.Equal(["1", "2", "4"], after.Order());
        Assert.Equal("1 2 4", warehouse.Script.Calls());
    }

    [Fact]
    public async Task A_hook_that_throws_fails_its_own_record_alone()
    {
        await using var warehouse = await OpenAsync(
            Options(4),
            consumers: b => b
                .OnConsume((context, next) => context.Key == "3" ? throw new UnauthorizedAccessException("not here") : next())
                .AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, Options(4)));

        await warehouse.SendAsync(1, 2, 3, 4);

        await warehouse.EventuallyNumbersAsync(1, 2, 4);
        Assert.Equal("not here", Assert.Single(await warehouse.DeadLettersAsync(1)).ExceptionMessage);
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private Task<Warehouse> OpenAsync(
        Action<ConsumerOptions> options, Action<Script>? script = null, Action<EventBusBuilder>? consumers = null, Dictionary<string, string?>? configuration = null) =>
        Warehouse.OpenAsync(kafka, databases, consumers ?? (b => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, options)), configuration, script);

    private sealed class Office(Script script, IServiceProvider scope) : IEventBatchConsumer<OrderPlaced>, IEventBatchConsumer<StockCounted>
    {
        public Task ConsumeAsync(IReadOnlyList<ReceivedEvent<OrderPlaced>> batch, CancellationToken ct) => script.PlayAsync([.. batch.Select(r => new Handling(r.Event, r.Context, scope, ct))]);

        public Task ConsumeAsync(IReadOnlyList<ReceivedEvent<StockCounted>> batch, CancellationToken ct) => script.PlayAsync([.. batch.Select(r => new Handling(r.Event, r.Context, scope, ct))]);
    }
}

public sealed class Batches_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : BatchTests(kafka, databases);

public sealed class Batches_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : BatchTests(kafka, databases);
