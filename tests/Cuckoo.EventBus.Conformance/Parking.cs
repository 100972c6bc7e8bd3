using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Records that fail for longer wait in <c>retry_messages</c>, the later ones of their key behind them.</summary>
public abstract class Parking(Pair pair)
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);

    [Fact]
    public async Task A_record_that_failed_its_attempts_is_parked_with_the_later_ones_of_its_key_behind_it()
    {
        await using var shop = await pair.OpenAsync(Parks(Never), script: script => script[Warehouse.Ship] = FailsWhile(() => true));

        await SendAsync(shop, 1, 2, 3);
        await shop.SendAsync(new OrderPlaced("b", 4), partition: 0);

        await shop.EventuallyNumbersAsync(4);
        var parked = await ParkedAsync(shop, 3);
        Assert.Equal([true, false, false], parked.Select(p => p.DueAt is not null));
        Assert.Equal([3, 0, 0], parked.Select(p => p.Attempts));
        Assert.Contains("out of paper", parked[0].LastError, StringComparison.Ordinal);
        Assert.Equal([(1, 1), (1, 2), (1, 3)], shop.Script.Calls().Where(c => c.Number != 4));
        Assert.Empty(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task When_a_parked_record_succeeds_its_key_goes_on_in_order()
    {
        var fails = true;
        await using var shop = await pair.OpenAsync(Parks(Soon, parkedAttempts: 100), script: script => script[Warehouse.Ship] = FailsWhile(() => fails));
        await SendAsync(shop, 1, 2, 3);
        await ParkedAsync(shop, 3);

        fails = false;
        await SendAsync(shop, 4, 5);

        await shop.EventuallyNumbersAsync(1, 2, 3, 4, 5);
        Assert.Equal([1, 2, 3, 4, 5], await shop.NumbersAsync());
        await ParkedAsync(shop, 0);
        await SendAsync(shop, 6);
        await shop.EventuallyNumbersAsync(1, 2, 3, 4, 5, 6);
    }

    [Fact]
    public async Task A_parked_record_that_never_succeeds_is_a_dead_letter_and_its_key_goes_on()
    {
        await using var shop = await pair.OpenAsync(Parks(Soon, parkedAttempts: 2), script: script => script[Warehouse.Ship] = FailsWhile(() => true));

        await SendAsync(shop, 1, 2);

        await shop.EventuallyNumbersAsync(2);
        Assert.Equal(5, Assert.Single(await shop.DeadLettersAsync()).Attempts);
        Assert.Equal([(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 1)], shop.Script.Calls());
        Assert.Equal("5", Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Headers["dlq_attempts"]);
        await ParkedAsync(shop, 0);
    }

    [Fact]
    public async Task Parked_keys_outlive_a_restart_and_their_attempts_go_on_counting()
    {
        await using var shop = await pair.OpenAsync(Parks(TimeSpan.FromSeconds(2)), script: script => script[Warehouse.Ship] = FailsWhile(() => true));
        await SendAsync(shop, 1, 2);
        await ParkedAsync(shop, 2);

        await shop.RestartAsync();
        await SendAsync(shop, 3);

        await shop.EventuallyNumbersAsync(1, 2, 3);
        Assert.Equal([1, 2, 3], await shop.NumbersAsync());
        Assert.InRange(shop.Script.Calls().First().Attempt, 4, 5);
    }

    [Fact]
    public async Task A_partition_that_moves_takes_its_parked_keys_along()
    {
        var fails = true;
        await using var shop = await pair.OpenAsync(Parks(Soon, parkedAttempts: 100), script: script => script[Warehouse.Ship] = FailsWhile(() => fails));
        var first = shop.Service;
        await SendAsync(shop, 1, 2);
        await ParkedAsync(shop, 2);

        await shop.StartAsync();
        await first.StopAsync();
        await SendAsync(shop, 3);
        await ParkedAsync(shop, 3);
        fails = false;

        await shop.EventuallyNumbersAsync(1, 2, 3);
        Assert.Equal([1, 2, 3], await shop.NumbersAsync());
    }

    [Fact]
    public async Task An_exception_that_parks_does_so_at_the_first_attempt()
    {
        await using var shop = await pair.OpenAsync(
            Parks(Never, configure: o => o.Park<InvalidOperationException>()), script: script => script[Warehouse.Ship] = FailsWhile(() => true));

        await SendAsync(shop, 1);

        Assert.Equal(1, Assert.Single(await ParkedAsync(shop, 1)).Attempts);
        Assert.Equal([(1, 1)], shop.Script.Calls());
    }

    [Fact]
    public async Task An_exception_that_rejects_ends_a_parked_record_at_once()
    {
        await using var shop = await pair.OpenAsync(
            Parks(Soon, configure: o => o.Reject<ArgumentException>()),
            script: script => script[Warehouse.Ship] = h =>
            {
                h.AddEffect();
                return h.Number > 1 ? Task.CompletedTask : h.Context.Attempt <= 3 ? throw new InvalidOperationException() : throw new ArgumentException("no such address");
            });

        await SendAsync(shop, 1, 2);

        await shop.EventuallyNumbersAsync(2);
        var letter = Assert.Single(await shop.DeadLettersAsync());
        Assert.Equal((4, typeof(ArgumentException).FullName), (letter.Attempts, letter.ExceptionType));
    }

    [Fact]
    public async Task A_repeat_of_a_parked_record_is_neither_handled_nor_parked_again()
    {
        var fails = true;
        await using var shop = await pair.OpenAsync(Parks(Soon, parkedAttempts: 100), script: script => script[Warehouse.Ship] = FailsWhile(() => fails));
        var placed = new OrderPlaced("a", 1);
        await shop.SendAsync(placed, partition: 0);
        await ParkedAsync(shop, 1);

        await shop.SendAsync(placed, partition: 0);
        await SendAsync(shop, 2);
        await ParkedAsync(shop, 2);
        fails = false;

        await shop.EventuallyNumbersAsync(1, 2);
        await ParkedAsync(shop, 0);
    }

    [Fact]
    public async Task A_record_without_a_key_parks_alone()
    {
        await using var shop = await pair.OpenAsync(Parks(Never), script: script => script[Warehouse.Ship] = FailsWhile(() => true));

        foreach (var number in Enumerable.Range(1, 4))
        {
            await shop.SendBytesAsync(System.Text.Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":{{number}}}"""), key: null, partition: 0);
        }

        await shop.EventuallyNumbersAsync(2, 3, 4);
        Assert.Single(await ParkedAsync(shop, 1));
    }

    [Fact]
    public async Task A_key_is_parked_at_the_consumer_that_failed_and_flows_at_the_others()
    {
        await using var shop = await pair.OpenAsync(
            b =>
            {
                Parks(Never)(b);
                b.AddConsumer<Scripted<OrderPlaced>>("bill");
            },
            script: script => script[Warehouse.Ship] = FailsWhile(() => true));

        await SendAsync(shop, 1, 2, 3);

        await shop.EventuallyNumbersAsync(1, 2, 3);
        Assert.All(await shop.EffectsAsync(), e => Assert.Equal("bill", e.Consumer));
        Assert.All(await ParkedAsync(shop, 3), p => Assert.Equal(Warehouse.Ship, p.Consumer));
    }

    [Fact]
    public async Task A_parked_attempt_sees_the_record_as_the_first_one_did()
    {
        await using var shop = await pair.OpenAsync(Parks(Soon), script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            return h.Context.Attempt < 4 ? throw new InvalidOperationException() : Task.CompletedTask;
        });

        await shop.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "x-bytes", [0xFF, 0x00] } });

        await shop.EventuallyNumbersAsync(1);
        var (first, last) = (shop.Script.Seen.First(), shop.Script.Seen.Last());
        Assert.Equal(4, last.Context.Attempt);
        Assert.Equal((first.Context.Topic, first.Context.Partition, first.Context.Offset, first.Context.Timestamp), (last.Context.Topic, last.Context.Partition, last.Context.Offset, last.Context.Timestamp));
        Assert.Equal((first.Context.EventId, first.Context.Source, first.Context.EventType, first.Context.Key), (last.Context.EventId, last.Context.Source, last.Context.EventType, last.Context.Key));
        Assert.Equal([0xFF, 0x00], last.Context.Headers.GetBytes("x-bytes")!);
        Assert.Equal(((OrderPlaced)first.Event).OccurredAt, ((OrderPlaced)last.Event).OccurredAt);
    }

    [Fact]
    public async Task What_the_attempts_of_a_parked_record_publish_goes_out_once()
    {
        await using var shop = await pair.OpenAsync(Parks(Soon), script: script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await h.Events.PublishAsync(new OrderShipped("a", h.Context.Attempt));
            if (h.Context.Attempt < 5)
            {
                throw new InvalidOperationException();
            }
        });

        await SendAsync(shop, 1);

        await shop.EventuallyNumbersAsync(1);
        Assert.Equal([5], await shop.Bus.NumbersInAsync(Topics.Shipping, 1));
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_is_never_parked()
    {
        await using var shop = await pair.OpenAsync(Parks(Never));

        await shop.SendBytesAsync("no JSON"u8.ToArray(), "a"u8.ToArray());
        await SendAsync(shop, 2);

        await shop.EventuallyNumbersAsync(2);
        Assert.Single(await shop.DeadLettersAsync());
        await ParkedAsync(shop, 0);
    }

    [Fact]
    public async Task The_committed_position_moves_past_parked_records_which_stay()
    {
        await using var shop = await pair.OpenAsync(Parks(Never), script: script => script[Warehouse.Ship] = FailsWhile(() => true));
        await SendAsync(shop, 1, 2, 3);
        await ParkedAsync(shop, 3);

        await shop.Service.StopAsync();

        Assert.Equal(3, (await shop.CommittedAsync())[0]);
        Assert.Equal(3, (await ParkedAsync(shop, 3)).Count);
    }

    [Fact]
    public async Task Parked_records_that_are_read_again_from_the_beginning_stay_where_they_are()
    {
        await using var shop = await pair.OpenAsync(Parks(Never), script: script => script[Warehouse.Ship] = FailsWhile(() => true));
        await SendAsync(shop, 1, 2);
        await shop.SendAsync(new OrderPlaced("b", 3), partition: 0);
        await shop.EventuallyNumbersAsync(3);
        var before = (await ParkedAsync(shop, 2)).Select(p => (p.Id, p.Attempts)).ToList();
        await shop.Service.StopAsync();

        await shop.CommitAsync(_ => 0);
        await shop.RestartAsync();
        await shop.SendAsync(new OrderPlaced("b", 4), partition: 0);

        await shop.EventuallyNumbersAsync(3, 4);
        Assert.Equal(before, (await ParkedAsync(shop, 2)).Select(p => (p.Id, p.Attempts)));
    }

    [Fact]
    public async Task Configuration_sets_parking_for_one_consumer_and_for_all()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship).AddConsumer<Scripted<OrderPlaced>>("bill"),
            new()
            {
                ["EventBus:ConsumerDefaults:Attempts"] = "1",
                ["EventBus:ConsumerDefaults:ParkedAttempts"] = "1",
                ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = "00:00:00.010",
                ["EventBus:Consumers:ship:ParkedAttempts"] = "2",
            },
            script => script[Warehouse.Ship] = script["bill"] = _ => throw new InvalidOperationException());

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal([("bill", 2), ("ship", 3)], (await shop.DeadLettersAsync(2)).Select(d => (d.Consumer, d.Attempts)).Order());
    }

    [Fact]
    public async Task A_consumer_without_a_database_parks_nothing()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var script = new Script { [Warehouse.Ship] = _ => throw new InvalidOperationException() };
        var service = bus.Build(
            "mail", services => services.AddSingleton(script).AddCuckooEventBus(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick)), new Dictionary<string, string?> { ["EventBus:ConsumerDefaults:ParkedAttempts"] = null });
        await service.StartAsync();

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(new OrderPlaced("a", 1));

        Assert.Equal("3", Assert.Single(await bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Headers["dlq_attempts"]);
        Assert.Equal(3, script.Seen.Count);
    }

    private static Action<EventBusBuilder> Parks(TimeSpan delay, int parkedAttempts = 5, Action<ConsumerOptions>? configure = null) =>
        b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
        {
            Warehouse.Quick(o);
            (o.ParkedAttempts, o.ParkedRetryDelay, o.MaxParkedRetryDelay) = (parkedAttempts, delay, delay);
            configure?.Invoke(o);
        });

    /// <summary>Fails the record of number 1 and has an effect of every other one.</summary>
    private static Func<Handling, Task> FailsWhile(Func<bool> fails) => h =>
    {
        h.AddEffect();
        return h.Number == 1 && fails() ? throw new InvalidOperationException("out of paper") : Task.CompletedTask;
    };

    private static async Task SendAsync(Warehouse shop, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            await shop.SendAsync(new OrderPlaced("a", number), partition: 0);
        }
    }

    private static Task<List<RetryMessageRow>> ParkedAsync(Warehouse shop, int count) =>
        Eventually.Until(() => shop.Database.AskAsync<ShopContext, List<RetryMessageRow>>(db => db.ParkedAsync()), rows => rows.Count == count, what: $"{count} parked records");
}

public sealed class Parking_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Parking(pair);

public sealed class Parking_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Parking(pair);
