using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Consumers of many events at once.</summary>
public abstract class Batches(Pair pair)
{
    private const string Store = "store";

    [Fact]
    public async Task A_batch_holds_records_of_one_partition_in_their_order()
    {
        var book = new Book();
        await using var shop = await OpenAsync(book, o => (o.BatchSize, o.BatchWait) = (20, TimeSpan.FromSeconds(2)), send: 90);

        await Eventually.Equal(90, async () => (await shop.EffectsAsync()).Count);
        Assert.All(book.Batches, batch => Assert.InRange(batch.Count, 1, 20));
        Assert.Contains(book.Batches, batch => batch.Count == 20);
        Assert.All(book.Batches, batch => Assert.Single(batch.Select(r => r.Context.Partition).Distinct()));
        Assert.All(
            book.Batches.SelectMany(batch => batch).GroupBy(r => r.Context.Partition), partition => Assert.Equal(Enumerable.Range(0, 30).Select(n => (long)n), partition.Select(r => r.Context.Offset)));
    }

    [Fact]
    public async Task A_batch_that_does_not_fill_comes_after_its_wait()
    {
        await using var shop = await OpenAsync(new Book(), o => (o.BatchSize, o.BatchWait) = (1000, TimeSpan.FromMilliseconds(50)));

        await SendAsync(shop, 1, 2, 3);

        await shop.EventuallyNumbersAsync(1, 2, 3);
    }

    [Fact]
    public async Task A_partition_has_one_running_batch_at_a_time()
    {
        var (running, overlaps) = (new int[3], 0);
        var book = new Book
        {
            Play = async (batch, _) =>
            {
                var partition = batch[0].Context.Partition;
                if (Interlocked.Increment(ref running[partition]) > 1)
                {
                    Interlocked.Increment(ref overlaps);
                }

                await Task.Yield();
                Interlocked.Decrement(ref running[partition]);
            },
        };
        await using var shop = await OpenAsync(book, o => o.BatchSize = 5, send: 90);

        await Eventually.Equal(90, async () => (await shop.EffectsAsync()).Count);
        Assert.Equal(0, overlaps);
    }

    [Fact]
    public async Task What_a_batch_wrote_and_published_commits_together_and_once()
    {
        var calls = 0;
        var book = new Book
        {
            Play = async (batch, events) =>
            {
                await events.PublishBatchAsync(batch.Select(r => new OrderShipped(r.Event.OrderId, r.Event.Number)));
                if (Interlocked.Increment(ref calls) == 1)
                {
                    throw new InvalidOperationException("not the first time");
                }
            },
        };
        await using var shop = await OpenAsync(book);

        await SendAsync(shop, 1, 2, 3, 4);

        await shop.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([1, 2, 3, 4], (await shop.Bus.NumbersInAsync(Topics.Shipping, 4)).Order());
    }

    [Fact]
    public async Task Repeats_are_not_in_a_batch()
    {
        var book = new Book();
        await using var shop = await OpenAsync(book);
        var placed = Enumerable.Range(1, 5).Select(n => new OrderPlaced($"{n}", n)).ToList();

        foreach (var order in placed.Concat(placed).Concat(placed.Take(1)))
        {
            await shop.SendAsync(order, partition: 0);
        }

        await SendAsync(shop, 6);

        await shop.EventuallyNumbersAsync(1, 2, 3, 4, 5, 6);
        Assert.All(book.Batches, batch => Assert.Equal(batch.Count, batch.Select(r => r.Context.EventId).Distinct().Count()));
    }

    [Fact]
    public async Task Of_a_failing_batch_only_the_failing_record_is_a_dead_letter()
    {
        var book = new Book { Play = Refusing(5) };
        await using var shop = await OpenAsync(book);

        await SendAsync(shop, [.. Enumerable.Range(1, 10)]);

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 10).Where(n => n != 5)]);
        var letter = Assert.Single(await shop.DeadLettersAsync(1));
        Assert.Equal((3, "5 is refused", 4), (letter.Attempts, letter.ExceptionMessage, letter.KafkaOffset));
    }

    [Fact]
    public async Task A_failing_record_of_a_batch_is_alone_when_its_attempts_are_charged()
    {
        var book = new Book { Play = Refusing(2) };
        await using var shop = await OpenAsync(book);

        await SendAsync(shop, [.. Enumerable.Range(1, 8)]);

        await shop.DeadLettersAsync(1);
        var alone = book.Batches.Where(batch => batch.Count == 1 && batch[0].Event.Number == 2).Select(batch => batch[0].Context.Attempt);
        Assert.Equal([1, 2, 3], alone.Distinct());
    }

    [Fact]
    public async Task A_failing_record_of_a_batch_parks_with_its_key_and_the_rest_goes_on()
    {
        var refuses = true;
        var book = new Book { Play = (batch, _) => refuses ? Refusing(1)(batch, null!) : Task.CompletedTask };
        await using var shop = await OpenAsync(book, o => (o.ParkedAttempts, o.ParkedRetryDelay, o.MaxParkedRetryDelay) = (100, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10)));

        await shop.SendAsync(new OrderPlaced("a", 1), partition: 0);
        await shop.SendAsync(new OrderPlaced("b", 2), partition: 0);
        await shop.SendAsync(new OrderPlaced("a", 3), partition: 0);
        await shop.SendAsync(new OrderPlaced("c", 4), partition: 0);

        await shop.EventuallyNumbersAsync(2, 4);
        refuses = false;
        await shop.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([1, 3], (await shop.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_is_left_out_of_its_batch_and_dead()
    {
        await using var shop = await OpenAsync(new Book());

        await SendAsync(shop, 1);
        await shop.SendBytesAsync("no JSON"u8.ToArray(), "x"u8.ToArray(), partition: 0);
        await SendAsync(shop, 2);

        await shop.EventuallyNumbersAsync(1, 2);
        Assert.Equal("no JSON"u8.ToArray(), Assert.Single(await shop.DeadLettersAsync(1)).Payload);
    }

    [Fact]
    public async Task A_restart_between_batches_repeats_and_loses_nothing()
    {
        await using var shop = await OpenAsync(new Book(), o => o.BatchSize = 4, send: 60);
        await Eventually.True(async () => (await shop.EffectsAsync()).Count > 8);

        await shop.RestartAsync();

        await Eventually.Equal(60, async () => (await shop.EffectsAsync()).Count);
        Assert.Equal(60, (await shop.NumbersAsync()).Distinct().Count());
    }

    /// <param name="book">What the handler does, and where its batches are noted.</param>
    /// <param name="configure">The consumer's options.</param>
    /// <param name="send">So many records stand in the topic, equally many in each partition, before the consumer starts.</param>
    private async Task<Warehouse> OpenAsync(Book book, Action<ConsumerOptions>? configure = null, int send = 0)
    {
        var shop = await pair.OpenAsync(
            b =>
            {
                b.Services.AddSingleton(book);
                b.AddConsumer<Shelves>(Store, o =>
                {
                    Warehouse.Quick(o);
                    configure?.Invoke(o);
                });
            });
        if (send > 0)
        {
            await shop.Service.StopAsync();
            for (var number = 0; number < send; number++)
            {
                await shop.SendAsync(new OrderPlaced($"{number}", number), partition: number % 3);
            }

            await shop.RestartAsync();
        }

        return shop;
    }

    private static async Task SendAsync(Warehouse shop, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            await shop.SendAsync(new OrderPlaced($"{number}", number), partition: 0);
        }
    }

    private static Func<IReadOnlyList<ReceivedEvent<OrderPlaced>>, IEventPublisher, Task> Refusing(int number) => (batch, _) =>
        batch.Any(r => r.Event.Number == number) ? throw new InvalidOperationException($"{number} is refused") : Task.CompletedTask;

    /// <summary>What the consumer does beside one row per event, and the batches it was given.</summary>
    private sealed class Book
    {
        public ConcurrentQueue<IReadOnlyList<ReceivedEvent<OrderPlaced>>> Batches { get; } = new();

        public Func<IReadOnlyList<ReceivedEvent<OrderPlaced>>, IEventPublisher, Task> Play { get; init; } = (_, _) => Task.CompletedTask;
    }

    private sealed class Shelves(Book book, ShopContext db, IEventPublisher events) : IEventBatchConsumer<OrderPlaced>
    {
        public async Task ConsumeAsync(IReadOnlyList<ReceivedEvent<OrderPlaced>> batch, CancellationToken ct)
        {
            book.Batches.Enqueue([.. batch]);
            db.Effects.AddRange(batch.Select(r => new Effect { Consumer = Store, EventId = r.Context.EventId, Key = r.Context.Key, Number = r.Event.Number }));
            await book.Play(batch, events);
        }
    }
}

public sealed class Batches_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Batches(pair);

public sealed class Batches_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Batches(pair);
