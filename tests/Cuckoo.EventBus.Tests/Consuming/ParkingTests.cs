using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>What becomes of a record that fails for longer, and of those behind it.</summary>
public abstract class ParkingTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task A_failing_record_is_parked_with_its_key_behind_it_while_others_flow_and_order_returns_with_it()
    {
        var isMended = false;
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => Volatile.Read(ref isMended) || h.Context.Key != "a" ? Apply(h) : throw new InvalidOperationException("no paper"));

        await SendAsync(warehouse, "a", 1, 2, 3);
        await SendAsync(warehouse, "b", 4, 5);

        await warehouse.EventuallyNumbersAsync(4, 5);
        await Eventually.Equal(3, async () => (await ParkedAsync(warehouse)).Count);
        Assert.Equal([1], warehouse.Script.Seen.Where(h => h.Context.Key == "a").Select(h => h.Number).Distinct());
        Volatile.Write(ref isMended, true);
        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5);
        await SendAsync(warehouse, "a", 6);
        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5, 6);
        Assert.Equal([1, 2, 3, 6], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        Assert.Empty(await ParkedAsync(warehouse));
        Assert.All(await InboxAsync(warehouse), mark => Assert.Equal(InboxOutcome.Done, mark.Outcome));
    }

    [Fact]
    public async Task Attempts_go_on_counting_after_a_restart_and_end_with_a_dead_letter_behind_which_the_key_goes_on()
    {
        static void Fail(Script script) => script[Warehouse.Ship] = h => h.Number == 1 ? throw new InvalidOperationException($"no paper at {h.Context.Attempt}") : Apply(h);
        await using var warehouse = await OpenAsync(Fail, parkedAttempts: 2, delay: "01:00:00");
        await SendAsync(warehouse, "a", 1, 2);
        await Eventually.Equal(2, async () => (await ParkedAsync(warehouse)).Count);
        var before = warehouse.Script.Seen.Select(h => h.Context.Attempt).ToList();

        await warehouse.RestartAsync(Fail);
        await MakeDueAsync(warehouse);
        await Eventually.Equal(3, async () => (await ParkedAsync(warehouse))[0].Attempts);
        await MakeDueAsync(warehouse);

        await warehouse.EventuallyNumbersAsync(2);
        Assert.Equal([1, 2, 3, 4], before.Concat(warehouse.Script.Seen.Where(h => h.Number == 1).Select(h => h.Context.Attempt)));
        var letter = Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Equal((4, "no paper at 4"), (letter.Attempts, letter.ExceptionMessage));
        Assert.True(letter.FirstFailedAt < letter.LastFailedAt);
        Assert.Empty(await ParkedAsync(warehouse));
    }

    [Fact]
    public async Task A_new_owner_of_a_partition_knows_which_keys_wait()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => h.Context.Key == "a" ? throw new InvalidOperationException("no paper") : Apply(h), delay: "01:00:00");
        await SendAsync(warehouse, "a", 1);
        await Eventually.Equal(1, async () => (await ParkedAsync(warehouse)).Count);

        await warehouse.RestartAsync();
        await SendAsync(warehouse, "a", 2);
        await SendAsync(warehouse, "b", 3);

        await warehouse.EventuallyNumbersAsync(3);
        await Eventually.Equal(2, async () => (await ParkedAsync(warehouse)).Count);
        Assert.DoesNotContain(warehouse.Script.Seen, h => h.Context.Key == "a");
    }

    [Fact]
    public async Task An_exception_says_whether_to_try_again_to_park_or_to_give_up()
    {
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = h => h.Number switch
            {
                1 => throw new InvalidOperationException("try again"),
                2 => throw new NotSupportedException("later"),
                3 => throw new ArgumentException("never"),
                _ => Apply(h),
            },
            delay: "01:00:00",
            options: o => o.Park<NotSupportedException>().Reject<ArgumentException>());

        await SendAsync(warehouse, "a", 1);
        await SendAsync(warehouse, "b", 2);
        await SendAsync(warehouse, "c", 3);

        await Eventually.Equal("1:2 2:1", async () => string.Join(' ', (await ParkedAsync(warehouse)).OrderBy(m => m.Key![0]).Select(m => $"{m.Key![0] - 'a' + 1}:{m.Attempts}")));
        Assert.Equal(1, Assert.Single(await warehouse.DeadLettersAsync(1)).Attempts);
    }

    [Fact]
    public async Task A_record_without_a_key_is_parked_alone()
    {
        var fails = true;
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => h.Number == 1 && Volatile.Read(ref fails) ? throw new InvalidOperationException("no paper") : Apply(h));

        await warehouse.SendBytesAsync("""{"orderId":"x","number":1}"""u8.ToArray(), key: null);
        await Eventually.Equal(1, async () => (await ParkedAsync(warehouse)).Count);
        await warehouse.SendBytesAsync("""{"orderId":"x","number":2}"""u8.ToArray(), key: null);

        await warehouse.EventuallyNumbersAsync(2);
        Volatile.Write(ref fails, false);
        await warehouse.EventuallyNumbersAsync(1, 2);
        await Eventually.True(async () => (await ParkedAsync(warehouse)).Count == 0);
    }

    [Fact]
    public async Task A_handler_without_a_transaction_is_parked_and_marked_all_the_same()
    {
        var fails = true;
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = h => Volatile.Read(ref fails) ? throw new InvalidOperationException("no line") : Task.CompletedTask,
            options: o => o.Transaction = ConsumerTransaction.None);
        await SendAsync(warehouse, "a", 1, 2);
        await Eventually.Equal(2, async () => (await ParkedAsync(warehouse)).Count);

        Volatile.Write(ref fails, false);

        await Eventually.True(async () => (await ParkedAsync(warehouse)).Count == 0 && (await InboxAsync(warehouse)).Count(m => m.Outcome == InboxOutcome.Done) == 2);
        Assert.Equal([1, 2], warehouse.Script.Seen.Select(h => h.Number).Distinct());
    }

    [Fact]
    public async Task A_failure_of_one_consumer_parks_the_key_for_no_other()
    {
        const string Bill = "bill";
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick).AddConsumer<Scripted<OrderPlaced>>(Bill, Warehouse.Quick),
            Configuration(5, "01:00:00"),
            script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper"));

        await SendAsync(warehouse, "a", 1, 2);

        await warehouse.EventuallyNumbersAsync(1, 2);
        await Eventually.Equal(2, async () => (await ParkedAsync(warehouse)).Count);
        Assert.All(await warehouse.EffectsAsync(), effect => Assert.Equal(Bill, effect.Consumer));
        Assert.All(await ParkedAsync(warehouse), row => Assert.Equal(Warehouse.Ship, row.Consumer));
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private static async Task SendAsync(Warehouse warehouse, string key, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            await warehouse.SendAsync(new OrderPlaced(key, number));
        }
    }

    private static Task<List<RetryMessage>> ParkedAsync(Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<RetryMessage>>(db => db.Set<RetryMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    private static Task<int> MakeDueAsync(Warehouse warehouse) => warehouse.Database.AskAsync<ShopContext, int>(db =>
        db.Set<RetryMessage>().Where(m => m.DueAt != null).ExecuteUpdateAsync(set => set.SetProperty(m => m.DueAt, DateTime.UtcNow)));

    private static Task<List<InboxMessage>> InboxAsync(Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<InboxMessage>>(db => db.Set<InboxMessage>().AsNoTracking().ToListAsync());

    private static Dictionary<string, string?> Configuration(int parkedAttempts, string delay) => new()
    {
        ["EventBus:ConsumerDefaults:Attempts"] = "2",
        ["EventBus:ConsumerDefaults:ParkedAttempts"] = $"{parkedAttempts}",
        ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = delay,
        ["EventBus:ConsumerDefaults:MaxParkedRetryDelay"] = delay,
    };

    private Task<Warehouse> OpenAsync(Action<Script> script, int parkedAttempts = 1000, string delay = "00:00:00.1", Action<ConsumerOptions>? options = null) =>
        Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
            {
                Warehouse.Quick(o);
                options?.Invoke(o);
            }),
            Configuration(parkedAttempts, delay),
            script);
}

public sealed class Parking_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : ParkingTests(kafka, databases);

public sealed class Parking_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : ParkingTests(kafka, databases);
