namespace Cuckoo.EventBus.Conformance;

/// <summary>Every effect once, however often its record comes.</summary>
public abstract class InboxAndOffsets(Pair pair)
{
    [Fact]
    public async Task A_repeat_has_no_second_effect()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);

        await shop.SendAsync(placed);
        await shop.SendAsync(placed);
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(1, 2);
        Assert.Equal([1, 2], shop.Script.Seen.Select(h => h.Number));
    }

    [Fact]
    public async Task A_repeat_that_comes_after_a_restart_has_no_second_effect()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);
        await shop.SendAsync(placed);
        await shop.EventuallyNumbersAsync(1);

        await shop.RestartAsync();
        await shop.SendAsync(placed);
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(1, 2);
    }

    [Fact]
    public async Task Copies_in_several_partitions_that_run_at_the_same_time_have_one_effect()
    {
        await using var shop = await pair.OpenAsync();
        var orders = Enumerable.Range(1, 40).Select(n => new OrderPlaced($"{n}", n)).ToList();

        await Task.WhenAll(orders.SelectMany(order => Enumerable.Range(0, 3).Select(partition => shop.SendAsync(order, partition, key: $"{partition}-{order.Number}"))));

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 40)]);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(partition => shop.SendAsync(new OrderPlaced("end", 41 + partition), partition)));
        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 43)]);
    }

    [Fact]
    public async Task One_id_from_two_sources_is_two_events()
    {
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);

        await shop.SendAsync(placed, source: "shop");
        await shop.SendAsync(placed, source: "web");

        await shop.EventuallyNumbersAsync(1, 1);
    }

    [Fact]
    public async Task A_repeat_of_a_dead_letter_is_not_handled_again()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            return h.Number == 1 ? throw new InvalidOperationException() : Task.CompletedTask;
        });
        var placed = new OrderPlaced("a", 1);

        await shop.SendAsync(placed);
        await shop.SendAsync(placed);
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(2);
        Assert.Single(await shop.DeadLettersAsync());
        Assert.Equal([(1, 1), (1, 2), (1, 3), (2, 1)], shop.Script.Calls());
    }

    [Fact]
    public async Task Records_that_are_read_again_from_the_beginning_have_no_second_effect()
    {
        await using var shop = await pair.OpenAsync();
        await Task.WhenAll(Enumerable.Range(1, 20).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n))));
        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 20)]);
        await shop.Service.StopAsync();

        // As after a crash between the handlers' commits and that of the offsets.
        await shop.CommitAsync(_ => 0);
        await shop.RestartAsync();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(partition => shop.SendAsync(new OrderPlaced("end", 21 + partition), partition)));

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 23)]);
    }

    [Fact]
    public async Task What_a_failing_handler_wrote_and_published_is_undone()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await h.Db.SaveChangesAsync();
            await h.Events.PublishAsync(new OrderShipped("a", h.Context.Attempt));
            await h.Db.SaveChangesAsync();
            if (h.Context.Attempt < 3)
            {
                throw new InvalidOperationException();
            }
        });

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.EventuallyNumbersAsync(1);
        Assert.Equal([3], await shop.Bus.NumbersInAsync(Topics.Shipping, 1));
    }

    [Fact]
    public async Task Ids_of_any_length_and_content_are_remembered()
    {
        await using var shop = await pair.OpenAsync();
        string[] ids = ["\0", new string('i', 5000), "ein Maß", new string('ß', 199), " "];

        foreach (var id in ids.Concat(ids))
        {
            await shop.SendValueAsync("""{"orderId":"a","number":1}""", Warehouse.HeadersOf(id, "shop", null));
        }

        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync([.. ids.Select(_ => 1), 2]);
    }

    [Fact]
    public async Task A_stopped_service_has_committed_the_position_after_its_last_record()
    {
        await using var shop = await pair.OpenAsync();
        await Task.WhenAll(Enumerable.Range(1, 12).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n), partition: n % 3)));
        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 12)]);

        await shop.Service.StopAsync();

        Assert.Equal([4, 4, 4], await shop.CommittedAsync());
    }

    [Fact]
    public async Task No_position_is_committed_beyond_a_record_that_is_not_finished()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Transaction = ConsumerTransaction.None),
            new() { ["EventBus:StopTimeout"] = "00:00:00.200" },
            script => script[Warehouse.Ship] = async h =>
            {
                if (h.Number == 2)
                {
                    await Task.Delay(Timeout.Infinite, h.Ct);
                }

                h.AddEffect();
                await h.Db.SaveChangesAsync(h.Ct);
            });
        foreach (var number in Enumerable.Range(1, 4))
        {
            await shop.SendAsync(new OrderPlaced($"{number}", number), partition: 0);
        }

        await shop.EventuallyNumbersAsync(1, 3, 4);
        // Without a transaction the mark follows the effect, and what has none yet is handled again.
        await Eventually.Equal(3, () => shop.Database.AskAsync<ShopContext, int>(db => db.InboxAsync()), what: "the marks");
        await shop.Service.StopAsync();

        // Or none at all, where the broker was slow: the time to stop is short.
        Assert.True((await shop.CommittedAsync())[0] <= 1);
        await shop.RestartAsync(script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await h.Db.SaveChangesAsync(h.Ct);
        });
        await shop.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([2], shop.Script.Seen.Select(h => h.Number));
    }

    [Fact]
    public async Task The_position_moves_past_dead_letters_repeats_and_unknown_types()
    {
        using var unknown = new CountedMeasurements("cuckoo.eventbus.consumer.unknown_types");
        await using var shop = await pair.OpenAsync();
        var placed = new OrderPlaced("a", 1);
        await shop.SendAsync(placed, partition: 0);
        await shop.SendAsync(placed, partition: 0);
        await shop.SendBytesAsync("no JSON"u8.ToArray(), null, partition: 0);
        await shop.SendBytesAsync("{}"u8.ToArray(), null, new EventHeaders { { "ce_type", "nobody.knows" } }, partition: 0);
        await shop.SendAsync(new OrderPlaced("a", 2), partition: 0);
        await shop.EventuallyNumbersAsync(1, 2);
        // Those without a key have lanes of their own, and a stop leaves out what waits in one.
        await shop.DeadLettersAsync(1);
        await Eventually.Equal(1, () => unknown.Of(shop.Service.Name));

        await shop.Service.StopAsync();

        Assert.Equal(5, (await shop.CommittedAsync())[0]);
    }
}

public sealed class InboxAndOffsets_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : InboxAndOffsets(pair);

public sealed class InboxAndOffsets_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : InboxAndOffsets(pair);
