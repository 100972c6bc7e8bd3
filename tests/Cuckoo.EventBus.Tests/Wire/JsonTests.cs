using System.Text;
using System.Text.Json;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Wire;

/// <summary>The shape of a value.</summary>
public sealed class JsonTests
{
    private readonly JsonEventSerializer _camel = JsonEventSerializer.For(EventNaming.CamelCase);
    private readonly JsonEventSerializer _snake = JsonEventSerializer.For(EventNaming.SnakeCase);

    [Fact]
    public void The_envelope_stays_outside_and_the_time_inside()
    {
        Assert.Equal(["note", "number", "occurredAt", "orderId"], Names(_camel, new OrderPlaced("a", 1)));
        Assert.Equal(["input", "model", "occurred_at", "task_id"], Names(_snake, new AiTask("t", "m", "i")));
    }

    [Fact]
    public void The_envelope_stays_outside_also_where_an_event_overrides_or_hides_it() =>
        Assert.Equal(["occurredAt", "own"], Names(_camel, new Overriding("x") { Own = 1 }));

    [Fact]
    public void A_value_is_read_as_it_was_written()
    {
        var placed = new OrderPlaced("a", 1) { Note = "ü \0 🐦", OccurredAt = DateTimeOffset.UnixEpoch };
        var read = (OrderPlaced)_camel.Deserialize(_camel.Serialize(placed, "t"), typeof(OrderPlaced), "t");

        Assert.Equal((placed.OrderId, placed.Number, placed.Note, placed.OccurredAt), (read.OrderId, read.Number, read.Note, read.OccurredAt));
    }

    [Fact]
    public void Fields_that_are_not_known_are_ignored() =>
        Assert.Equal(1, ((OrderPlaced)Read("""{"orderId":"a","number":1,"added":{"later":[1]}}""")).Number);

    [Theory]
    [InlineData("""{"orderId":"a"}""")]
    [InlineData("""{"number":1}""")]
    [InlineData("""{"orderId":null,"number":1}""")]
    [InlineData("""{"orderId":"a","number":null}""")]
    [InlineData("""{"orderId":"a","number":"one"}""")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("{\"orderId\":")]
    public void What_is_missing_or_null_or_malformed_is_an_error(string json) =>
        Assert.ThrowsAny<JsonException>(() => Read(json));

    private object Read(string json) => _camel.Deserialize(Encoding.UTF8.GetBytes(json), typeof(OrderPlaced), "t");

    private static IEnumerable<string> Names(JsonEventSerializer serializer, object e) =>
        JsonSerializer.Deserialize<JsonElement>(serializer.Serialize(e, "t")).EnumerateObject().Select(p => p.Name).Order();

    private sealed record Overriding(string Key) : DomainEvent
    {
        public int Own { get; init; }

        public new Guid EventId { get; } = Guid.Empty;

        public override string PartitionKey => Key;

        [System.Text.Json.Serialization.JsonIgnore]
        public string Key { get; } = Key;
    }
}
