using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Any bytes: never a crash, a stop or a silent loss. After each of them stands a good record of the same key.</summary>
public abstract class BadInput(Pair pair)
{
    [Fact]
    public Task A_value_that_is_not_JSON_is_a_dead_letter() => IsDeadAsync("\u0001{"u8.ToArray());

    [Fact]
    public Task A_value_that_is_not_UTF8_is_a_dead_letter() => IsDeadAsync([0x7B, 0xFF, 0xC3, 0x28, 0x7D]);

    [Fact]
    public Task An_empty_value_is_a_dead_letter() => IsDeadAsync([]);

    [Fact]
    public Task A_record_without_a_value_is_a_dead_letter() => IsDeadAsync(null);

    [Fact]
    public Task The_literal_null_is_a_dead_letter() => IsDeadAsync("null"u8.ToArray());

    [Fact]
    public Task A_value_of_another_shape_is_a_dead_letter() => IsDeadAsync("[1, 2]"u8.ToArray());

    [Fact]
    public Task A_member_of_another_type_is_a_dead_letter() => IsDeadAsync("""{"orderId":"a","number":"one"}"""u8.ToArray());

    [Fact]
    public Task A_number_out_of_range_is_a_dead_letter() => IsDeadAsync("""{"orderId":"a","number":99999999999}"""u8.ToArray());

    [Fact]
    public Task A_missing_member_that_is_required_is_a_dead_letter() => IsDeadAsync("""{"orderId":"a"}"""u8.ToArray());

    [Fact]
    public Task A_null_where_none_may_be_is_a_dead_letter() => IsDeadAsync("""{"orderId":null,"number":1}"""u8.ToArray());

    [Fact]
    public Task A_value_nested_a_thousand_levels_deep_is_a_dead_letter() =>
        IsDeadAsync(Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":1,"note":{{new string('[', 1000)}}{{new string(']', 1000)}}}"""));

    [Fact]
    public Task A_value_that_ends_in_the_middle_is_a_dead_letter() => IsDeadAsync("""{"orderId":"a","num"""u8.ToArray());

    [Fact]
    public async Task A_value_of_ten_megabytes_is_handled()
    {
        var broker = await pair.Broker;
        await using var bus = await TestBus.CreateAsync(broker);
        await broker.CreateTopicAsync(bus.Prefix + Topics.Orders, partitions: 1, new() { ["max.message.bytes"] = "20000000" });
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        var script = new Script();
        await bus.StartAsync<ShopContext>(
            "warehouse", database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship), services => services.AddSingleton(script));

        await bus.ProduceAsync(
            Topics.Orders, null, Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":1,"note":"{{new string('x', 10_000_000)}}"}"""), Warehouse.HeadersOf("1", "shop", null));

        await Eventually.Equal(1, () => script.Seen.Count);
        Assert.Equal(10_000_000, Assert.IsType<OrderPlaced>(Assert.Single(script.Seen).Event).Note!.Length);
    }

    [Fact]
    public Task A_key_of_any_bytes_is_handled() => IsHandledAsync(Headers(), key: [0x00, 0xFF, 0xC3, 0x28]);

    [Fact]
    public Task An_empty_key_is_handled() => IsHandledAsync(Headers(), key: []);

    [Fact]
    public Task An_id_that_is_not_UTF8_is_handled() => IsHandledAsync(Headers("ce_id", [0xFF, 0xC3]));

    [Fact]
    public Task An_empty_id_is_handled() => IsHandledAsync(Headers("ce_id", []));

    [Fact]
    public Task A_source_with_control_characters_is_handled() => IsHandledAsync(Headers("ce_source", "s\0\n"u8.ToArray()));

    [Fact]
    public Task A_malformed_trace_is_left_out() => IsHandledAsync(Headers("traceparent", "00-short"u8.ToArray()), context => Assert.Equal(default, context.Trace));

    [Fact]
    public Task A_header_without_a_value_and_with_a_name_beyond_ASCII_is_handled() =>
        IsHandledAsync(Headers("x ß", null), context => Assert.True(context.Headers.Contains("x ß")));

    [Fact]
    public Task Headers_of_a_hundred_kilobytes_arrive_whole() =>
        IsHandledAsync(Headers("x-large", new byte[100_000]), context => Assert.Equal(100_000, context.Headers.GetBytes("x-large")!.Length));

    [Fact]
    public Task Of_a_header_that_repeats_the_last_one_counts()
    {
        var headers = Headers("ce_id", "first"u8.ToArray());
        headers.Add("ce_id", "second");
        return IsHandledAsync(headers, context => Assert.Equal("second", context.EventId));
    }

    [Fact]
    public async Task A_text_with_U0000_never_stops_its_key()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h =>
        {
            // PostgreSQL has no such text, so there it is the handler that fails.
            h.Db.Effects.Add(new Effect { Consumer = Warehouse.Ship, EventId = h.Context.EventId, Key = ((OrderPlaced)h.Event).Note, Number = h.Number });
            return Task.CompletedTask;
        });

        await shop.SendValueAsync("""{"orderId":"a","number":1,"note":"\u0000"}""");
        await shop.SendAsync(new OrderPlaced("a", 2));

        await Eventually.True(async () => (await shop.NumbersAsync()).Contains(2));
        Assert.Equal(1, (await shop.NumbersAsync()).Count(n => n == 1) + (await shop.DeadLettersAsync()).Count);
    }

    private async Task IsDeadAsync(byte[]? value)
    {
        await using var shop = await pair.OpenAsync();

        await shop.SendBytesAsync(value, "a"u8.ToArray());
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(2);
        var letter = Assert.Single(await shop.DeadLettersAsync());
        Assert.Equal(value, letter.Payload);
        Assert.Equal(1, letter.Attempts);
        Assert.Equal(value, Assert.Single(await shop.Bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Value);
        Assert.Equal([2], shop.Script.Seen.Select(h => h.Number));
    }

    private async Task IsHandledAsync(EventHeaders headers, Action<EventContext>? check = null, byte[]? key = null)
    {
        await using var shop = await pair.OpenAsync();
        key ??= "a"u8.ToArray();

        await shop.SendBytesAsync("""{"orderId":"a","number":1}"""u8.ToArray(), key, headers);
        await shop.SendBytesAsync("""{"orderId":"a","number":2}"""u8.ToArray(), key);

        await shop.EventuallyNumbersAsync(1, 2);
        Assert.Empty(await shop.DeadLettersAsync());
        check?.Invoke(shop.Script.Seen.First().Context);
    }

    /// <summary>Those of a good record, one of them with another value.</summary>
    private static EventHeaders Headers(string name = "", byte[]? value = null)
    {
        var headers = new EventHeaders();
        foreach (var (header, bytes) in Warehouse.HeadersOf(Guid.NewGuid().ToString(), "shop", null).Where(h => h.Key != name))
        {
            headers.Add(header, bytes);
        }

        if (name.Length > 0)
        {
            headers.Add(name, value);
        }

        return headers;
    }
}

public sealed class BadInput_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : BadInput(pair);

public sealed class BadInput_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : BadInput(pair);
