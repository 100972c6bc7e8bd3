using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Records that a consumer gave up.</summary>
public abstract class DeadLetters(Pair pair)
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";

    [Fact]
    public async Task A_dead_letter_is_a_row_and_a_record_with_the_original_bytes()
    {
        await using var shop = await pair.OpenAsync(script: Fail);
        byte[] key = [0x61, 0x00, 0xFF];
        var value = """ { "number" : 1, "orderId":"a" , "more": [ ] } """u8.ToArray();

        await shop.SendBytesAsync(value, key);

        var row = Assert.Single(await shop.DeadLettersAsync(1));
        var record = Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Equal(value, row.Payload);
        Assert.Equal(key, row.Key);
        Assert.Equal(value, record.Value);
        Assert.Equal(key, record.Key);
    }

    [Fact]
    public async Task A_dead_letter_keeps_the_originals_headers_in_their_order_byte_for_byte()
    {
        await using var shop = await pair.OpenAsync(script: Fail);
        var own = new EventHeaders { { "x-b", "2" }, { "x-a", [0xFF, 0x00] }, { "x-a", "again" }, { "x-null", (byte[]?)null }, { "x-empty", "" } };

        await shop.SendAsync(new OrderPlaced("a", 1), headers: own);

        var record = Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Equal(
            own.Select(h => (h.Key, h.Value is null ? "null" : Convert.ToHexString(h.Value))),
            record.Headers.Where(h => h.Key.StartsWith("x-", StringComparison.Ordinal)).Select(h => (h.Key, h.Value is null ? "null" : Convert.ToHexString(h.Value))));
    }

    [Fact]
    public async Task A_dead_letter_has_an_id_of_its_own_and_the_originals_type()
    {
        await using var shop = await pair.OpenAsync(script: Fail);
        var placed = new OrderPlaced("a", 1);

        await shop.SendAsync(placed);

        var headers = Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Headers;
        Assert.NotEqual(placed.EventId.ToString(), headers["ce_id"]);
        Assert.True(Guid.TryParse(headers["ce_id"], out _));
        Assert.Equal(("1.0", "order.placed", shop.Service.Name), (headers["ce_specversion"], headers["ce_type"], headers["ce_source"]));
        Assert.Equal((placed.EventId.ToString(), "shop"), (headers["dlq_original_id"], headers["dlq_original_source"]));
    }

    [Fact]
    public async Task A_dead_letters_headers_say_where_the_record_was_and_at_whom_it_failed()
    {
        await using var shop = await pair.OpenAsync(script: Fail);

        var (partition, offset) = await shop.SendAsync(new OrderPlaced("a", 1));

        var headers = Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Headers;
        var original = Assert.Single(await shop.Bus.ReadAsync(Topics.Orders));
        Assert.Equal((original.Topic, $"{partition}", $"{offset}"), (headers["dlq_original_topic"], headers["dlq_original_partition"], headers["dlq_original_offset"]));
        Assert.Equal(original.Timestamp, Time(headers["dlq_original_timestamp"]));
        Assert.Equal((shop.Service.Name, Warehouse.Ship, "3", "0"), (headers["dlq_group"], headers["dlq_consumer"], headers["dlq_attempts"], headers["dlq_replay_count"]));
    }

    [Fact]
    public async Task A_dead_letters_headers_and_row_say_why_and_when()
    {
        await using var shop = await pair.OpenAsync(script: Fail);
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);

        await shop.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "traceparent", $"00-{Trace}-b7ad6b7169203331-01" } });

        var headers = Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Headers;
        Assert.Equal((typeof(InvalidOperationException).FullName, "no paper", Trace), (headers["dlq_exception_type"], headers["dlq_exception_message"], headers["dlq_trace_id"]));
        Assert.Contains(nameof(Fail), headers["dlq_exception_stack"], StringComparison.Ordinal);
        Assert.InRange(Time(headers["dlq_first_failure"]), before, Time(headers["dlq_last_failure"]));
        Assert.InRange(Time(headers["dlq_last_failure"]), before, DateTimeOffset.UtcNow);
        var row = Assert.Single(await shop.DeadLettersAsync());
        Assert.Equal((headers["dlq_exception_type"], headers["dlq_exception_message"], Trace), (row.ExceptionType, row.ExceptionMessage, row.TraceId));
        Assert.Contains(nameof(Fail), row.ExceptionStack, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_consumer_that_gives_a_record_up_has_a_dead_letter_of_its_own()
    {
        await using var shop = await pair.OpenAsync(
            b => b.AddConsumer<Scripted<OrderPlaced>>("bill", Warehouse.Quick).AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick),
            script: script => script["bill"] = script[Warehouse.Ship] = _ => throw new InvalidOperationException());

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal(["bill", "ship"], (await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 2)).Select(r => r.Headers["dlq_consumer"]).Order());
        Assert.Equal(2, (await shop.DeadLettersAsync()).Count);
    }

    [Fact]
    public async Task What_failed_attempts_published_is_not_in_any_topic()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = async h =>
        {
            await h.Events.PublishAsync(new OrderShipped("a", h.Number));
            if (h.Number == 1)
            {
                throw new InvalidOperationException();
            }
        });

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(new OrderPlaced("a", 2));

        Assert.Equal([2], await shop.Bus.NumbersInAsync(Topics.Shipping, 1));
        Assert.Single(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task A_dead_letter_too_large_for_its_topic_goes_there_without_its_value_but_with_its_hash()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { ["EventBus:Topics:dead-letter-queue:MaxMessageBytes"] = "20000" }, script: Fail);
        var value = Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":1,"note":"{{new string('x', 50_000)}}"}""");

        await shop.SendBytesAsync(value, "a"u8.ToArray());

        var record = Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Null(record.Value);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(value)), record.Headers["dlq_omitted_payload_sha256"]);
        Assert.Equal("0", record.Headers["dlq_original_offset"]);
        Assert.Equal(value, Assert.Single(await shop.DeadLettersAsync()).Payload);
    }

    [Fact]
    public async Task An_exception_with_text_of_any_kind_and_length_makes_a_dead_letter()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            return h.Number == 1 ? throw new InvalidOperationException($"nul \0, half a pair \ud800, {new string('x', 100_000)}") : Task.CompletedTask;
        });

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(2);
        Assert.StartsWith("nul ", Assert.Single(await shop.DeadLettersAsync()).ExceptionMessage, StringComparison.Ordinal);
        Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
    }

    [Fact]
    public async Task The_topic_of_dead_letters_can_be_another()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { ["EventBus:DeadLetterTopic"] = Topics.Shipping }, script: Fail);

        await shop.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal("no paper", Assert.Single(await shop.Bus.ReadAsync(Topics.Shipping, 1)).Headers["dlq_exception_message"]);
    }

    [Fact]
    public async Task Without_a_database_a_dead_letter_is_in_its_topic_before_the_next_record_of_the_key_runs()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var letters = new List<int>();
        var script = new Script
        {
            [Warehouse.Ship] = async h =>
            {
                if (h.Number == 1)
                {
                    throw new InvalidOperationException();
                }

                letters.Add((await bus.ReadAsync(TestBus.DeadLetterTopic)).Count);
            },
        };
        var service = bus.Build("mail", services => services.AddSingleton(script).AddCuckooEventBus(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick)));
        await service.StartAsync();

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishBatchAsync([new OrderPlaced("a", 1), new OrderPlaced("a", 2)]);

        await Eventually.Equal(1, () => letters.Count);
        Assert.Equal([1], letters);
    }

    private static DateTimeOffset Time(string? text) => DateTimeOffset.Parse(text!, CultureInfo.InvariantCulture);

    private static void Fail(Script script) => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper");
}

public sealed class DeadLetters_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : DeadLetters(pair);

public sealed class DeadLetters_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : DeadLetters(pair);
