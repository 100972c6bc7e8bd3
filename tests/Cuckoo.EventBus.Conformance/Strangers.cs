using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Other versions of a contract, and topics whose other side is not ours.</summary>
public abstract partial class Strangers(Pair pair)
{
    [Fact]
    public async Task A_member_that_nobody_knows_is_ignored()
    {
        await using var shop = await pair.OpenAsync();

        await shop.SendValueAsync("""{"orderId":"a","number":1,"since":{"version":["2"]}}""");

        await shop.EventuallyNumbersAsync(1);
    }

    [Fact]
    public async Task A_member_that_an_older_publisher_does_not_send_has_its_default()
    {
        await using var shop = await pair.OpenAsync(b => b
            .Map<Extended>(m => (m.Name, m.Topic) = ("order.placed", Topics.Orders))
            .AddConsumer<Scripted<Extended>>(Warehouse.Ship));

        await shop.SendAsync(new OrderPlaced("a", 1));

        await Eventually.Equal(1, () => shop.Script.Seen.Count);
        Assert.Equal(new Extended("a", 1, "none yet"), Assert.Single(shop.Script.Seen).Event);
    }

    [Fact]
    public async Task A_type_of_event_that_nobody_consumes_is_passed_over_and_counted()
    {
        using var counter = new CountedMeasurements("cuckoo.eventbus.consumer.unknown_types");
        await using var shop = await pair.OpenAsync();

        await shop.SendBytesAsync("{}"u8.ToArray(), null, Named("order.framed"), partition: 0);
        await shop.SendAsync(new OrderPlaced("a", 2), partition: 0);

        await shop.EventuallyNumbersAsync(2);
        // Another lane's.
        await Eventually.Equal(1, () => counter.Of(shop.Service.Name));
        Assert.Empty(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task A_type_of_event_that_nobody_consumes_is_a_dead_letter_where_the_topic_says_so()
    {
        await using var shop = await pair.OpenAsync(configuration: new() { [$"EventBus:Topics:{Topics.Orders}:UnknownTypes"] = "DeadLetter" });

        await shop.SendBytesAsync("{}"u8.ToArray(), null, Named("order.framed"), partition: 0);
        await shop.SendAsync(new OrderPlaced("a", 2), partition: 0);

        await shop.EventuallyNumbersAsync(2);
        // Another lane's.
        Assert.Equal("order.framed", Assert.Single(await shop.DeadLettersAsync(1)).Type);
    }

    [Fact]
    public async Task A_type_of_event_that_nobody_consumes_waits_with_its_key_for_a_version_that_does_where_the_topic_says_so()
    {
        var parks = new Dictionary<string, string?> { [$"EventBus:Topics:{Topics.Orders}:UnknownTypes"] = "Park" };
        await using var shop = await pair.OpenAsync(configuration: parks);
        await shop.SendBytesAsync("{\"count\":1}"u8.ToArray(), "a"u8.ToArray(), Named("stock.counted"), partition: 0);
        await shop.SendAsync(new OrderPlaced("a", 2), partition: 0);
        await shop.SendAsync(new OrderPlaced("b", 3), partition: 0);
        await shop.EventuallyNumbersAsync(3);
        await shop.Service.StopAsync();

        await shop.Bus.StartAsync<ShopContext>(
            "warehouse",
            shop.Database,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship).AddConsumer<Scripted<StockCounted>>("count"),
            services => services.AddSingleton(shop.Script),
            parks);

        await shop.EventuallyNumbersAsync(1, 2, 3);
        Assert.Equal([1], await shop.NumbersAsync("count"));
        Assert.Empty(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task A_name_on_the_wire_never_selects_a_class()
    {
        using var counter = new CountedMeasurements("cuckoo.eventbus.consumer.unknown_types");
        await using var shop = await pair.OpenAsync();

        await shop.SendBytesAsync("""{"orderId":"a","number":1}"""u8.ToArray(), null, Named(typeof(OrderPlaced).AssemblyQualifiedName!), partition: 0);
        await shop.SendAsync(new OrderPlaced("a", 2), partition: 0);

        await shop.EventuallyNumbersAsync(2);
        await Eventually.Equal(1, () => counter.Of(shop.Service.Name));
        Assert.Single(shop.Script.Seen);
    }

    [Fact]
    public async Task A_breaking_change_is_a_new_name_beside_the_old_one()
    {
        await using var shop = await pair.OpenAsync(b => b
            .Map<Extended>(m => (m.Name, m.Topic) = ("order.placed.v2", Topics.Orders))
            .AddConsumer<Scripted<OrderPlaced>>("old")
            .AddConsumer<Scripted<Extended>>("new"));

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendValueAsync("""{"orderId":"a","number":2,"channel":"web"}""", Named("order.placed.v2"));

        await Eventually.Equal(2, () => shop.Script.Seen.Count);
        Assert.Equal(
            [("new", (object)new Extended("a", 2, "web")), ("old", 1)],
            shop.Script.Seen.Select(h => (h.Context.Consumer, h.Event is Extended ? h.Event : h.Number)).OrderBy(h => h.Consumer));
    }

    [Fact]
    public async Task A_rolling_deploy_of_a_consumer_before_its_publisher_misses_nothing()
    {
        await using var shop = await pair.OpenAsync();
        var before = shop.Service;
        await Task.WhenAll(Enumerable.Range(1, 10).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n))));

        // The new version beside the old one, then alone, and only then events of the new type.
        var after = await shop.Bus.StartAsync<ShopContext>(
            "warehouse",
            shop.Database,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship).AddConsumer<Scripted<OrderShipped>>("track"),
            services => services.AddSingleton(shop.Script));
        await before.StopAsync();
        await Task.WhenAll(Enumerable.Range(11, 10).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n))));
        await after.Services.GetRequiredService<IDirectEventPublisher>().PublishBatchAsync(Enumerable.Range(21, 10).Select(n => new OrderShipped($"{n}", n)));

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 30)]);
    }

    [Fact]
    public async Task A_record_without_headers_is_of_its_topics_default_type()
    {
        await using var shop = await pair.OpenAsync(b => b.AddConsumer<Scripted<AiTask>>("think"));

        await shop.Bus.ProduceAsync(Topics.AiTasks, "k"u8.ToArray(), """{"task_id":"t1","model":"m","input":"i","timestamp":17.5}"""u8.ToArray());

        await Eventually.Equal(1, () => shop.Script.Seen.Count);
        var seen = Assert.Single(shop.Script.Seen);
        Assert.Equal(("t1", "m", "i"), (((AiTask)seen.Event).TaskId, ((AiTask)seen.Event).Model, ((AiTask)seen.Event).Input));
        Assert.Equal(("ai.task", shop.Bus.Prefix + Topics.AiTasks), (seen.Context.EventType, seen.Context.Source));
    }

    [Fact]
    public async Task A_record_without_an_id_has_one_of_its_position_and_contents_and_is_handled_once()
    {
        await using var shop = await pair.OpenAsync(b => b.Map<OrderPlaced>(m => m.IsTopicDefault = true).AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship));
        await shop.SendValueAsync("""{"orderId":"a","number":1}""", []);
        await shop.SendValueAsync("""{"orderId":"a","number":1}""", []);
        await shop.EventuallyNumbersAsync(1, 1);
        await shop.Service.StopAsync();

        await shop.CommitAsync(_ => 0);
        await shop.RestartAsync();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(partition => shop.SendAsync(new OrderPlaced("end", 2), partition)));

        await shop.EventuallyNumbersAsync(1, 1, 2, 2, 2);
    }

    [Fact]
    public async Task Events_for_strangers_are_named_in_their_way()
    {
        await using var shop = await pair.OpenAsync(b => b.Publishes<AiTask>());

        await shop.PublishAsync(new AiTask("t1", "m", "i"));

        Assert.Equal("t1", Assert.Single(await shop.Bus.ReadAsync(Topics.AiTasks, 1)).Json.GetProperty("task_id").GetString());
    }

    [Fact]
    public async Task A_contract_of_others_has_name_topic_key_id_and_naming_by_its_map()
    {
        await using var shop = await pair.OpenAsync(b => b
            .Map<Parcel>(m =>
            {
                (m.Name, m.Topic, m.Naming) = ("parcel", Topics.Shipping, EventNaming.SnakeCase);
                m.Key = p => p.OrderId;
                m.Id = p => $"parcel-{p.Number}";
            })
            .AddConsumer<Scripted<Parcel>>(Warehouse.Ship));

        await shop.PublishAsync(new Parcel { OrderId = "a", Number = 7 });

        await Eventually.Equal(1, () => shop.Script.Seen.Count);
        var record = Assert.Single(await shop.Bus.ReadAsync(Topics.Shipping));
        Assert.Equal(("a", "parcel", "parcel-7", "a"), (record.KeyText, record.Headers["ce_type"], record.Headers["ce_id"], record.Json.GetProperty("order_id").GetString()));
        Assert.Equal("parcel-7", Assert.Single(shop.Script.Seen).Context.EventId);
    }

    [Fact]
    public async Task A_source_generated_JSON_context_reads_and_writes_an_event()
    {
        await using var shop = await pair.OpenAsync(b => b
            .Map<Parcel>(m => (m.Name, m.Topic, m.Json) = ("parcel", Topics.Shipping, ParcelJson.Default.Options))
            .AddConsumer<Scripted<Parcel>>(Warehouse.Ship));

        await shop.PublishAsync(new Parcel { OrderId = "a", Number = 7 });

        await Eventually.Equal(1, () => shop.Script.Seen.Count);
        Assert.Equal("""{"ORDER-ID":"a","NUMBER":7}""", Assert.Single(await shop.Bus.ReadAsync(Topics.Shipping)).Text);
        Assert.Equal(7, ((Parcel)Assert.Single(shop.Script.Seen).Event).Number);
    }

    [Fact]
    public async Task A_serializer_of_ones_own_frames_a_topics_values()
    {
        await using var shop = await pair.OpenAsync(b => b.UseSerializer(Topics.Orders, new Framed()).AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship));

        await shop.PublishAsync(new OrderPlaced("a", 7));
        await shop.EventuallyNumbersAsync(7);
        await shop.SendValueAsync("""{"orderId":"a","number":8}""");

        // The prefix of a schema registry's client: a magic byte and a schema's number.
        Assert.Equal([0, 0, 0, 0, 42], (await shop.Bus.ReadAsync(Topics.Orders))[0].Value![..5]);
        Assert.Contains("frame", Assert.Single(await shop.DeadLettersAsync(1)).ExceptionMessage, StringComparison.Ordinal);
    }

    private static EventHeaders Named(string type) => new() { { "ce_id", Guid.NewGuid().ToString() }, { "ce_source", "shop" }, { "ce_type", type } };

    private sealed record Extended(string OrderId, int Number, string Channel = "none yet");

    private sealed class Parcel
    {
        public string OrderId { get; set; } = "";

        public int Number { get; set; }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseUpper)]
    [JsonSerializable(typeof(Parcel))]
    private sealed partial class ParcelJson : JsonSerializerContext;

    private sealed class Framed : IEventBytesSerializer
    {
        public byte[] Serialize(object @event, string topic) => [0, 0, 0, 0, 42, .. JsonSerializer.SerializeToUtf8Bytes(@event, @event.GetType())];

        public object Deserialize(ReadOnlySpan<byte> value, Type type, string topic) => value is [0, 0, 0, 0, 42, ..]
            ? JsonSerializer.Deserialize(value[5..], type)!
            : throw new FormatException($"No frame: {Encoding.UTF8.GetString(value)}");
    }
}

public sealed class Strangers_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Strangers(pair);

public sealed class Strangers_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Strangers(pair);
