using System.Text;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class IncomingEventTests
{
    private static readonly EventTypes Types = new(
        "",
        new Dictionary<Type, MappedEvent>
        {
            [typeof(Foreign)] = MappedEvent.From(new EventMapping<Foreign> { Name = "foreign", Topic = "theirs", Id = e => e.TaskId }),
        },
        new Dictionary<string, IEventBytesSerializer>());

    [Fact]
    public void The_event_gets_the_identity_of_its_envelope()
    {
        var id = Guid.CreateVersion7();
        var incoming = Read("""{"number":7}""", ("ce_id", id.ToString()), ("ce_source", "shop"));

        var created = Assert.IsType<Created>(incoming.NextInstance());
        Assert.Equal(id, created.EventId);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(5), created.OccurredAt);
        Assert.Equal("shop", incoming.Source);
    }

    [Fact]
    public void Each_attempt_gets_an_instance_of_its_own_with_the_same_identity()
    {
        var incoming = Read("""{"number":7}""");

        var (first, second) = ((Created)incoming.NextInstance(), (Created)incoming.NextInstance());

        Assert.NotSame(first, second);
        Assert.Equal(first.EventId, second.EventId);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void A_record_without_an_id_is_known_by_its_place_and_its_topic_is_the_source(string? id)
    {
        var incoming = id is null ? Read("""{"number":7}""") : Read("""{"number":7}""", ("ce_id", id), ("ce_source", id));

        Assert.StartsWith("orders/1/42/", incoming.Id, StringComparison.Ordinal);
        Assert.Equal("orders", incoming.Source);
    }

    [Fact]
    public void A_mapped_event_is_known_by_the_id_that_the_mapping_finds()
    {
        var incoming = IncomingEvent.Read(Record("""{"taskId":"t-17"}"""), Types.Of(typeof(Foreign)), "foreign");

        Assert.Equal("t-17", incoming.Id);
        Assert.Equal("t-17", incoming.StoredId);
    }

    [Fact]
    public void An_id_that_can_not_be_stored_stays_as_it_is_for_the_handler()
    {
        var long1 = Read("{}", ("ce_id", new string('x', 300)));

        Assert.Equal(new string('x', 300), long1.Id);
        Assert.True(EventId.IsStorable(long1.StoredId));
    }

    [Fact]
    public void Different_broken_bytes_are_different_ids()
    {
        var first = IncomingEvent.Read(Record("{}", header: [0xC3, 0x28]), Types.Of(typeof(Created)), "created");
        var second = IncomingEvent.Read(Record("{}", header: [0xA0, 0x28]), Types.Of(typeof(Created)), "created");

        Assert.NotEqual(first.StoredId, second.StoredId);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("""{"number":"\u0000"}""")]
    [InlineData("""{"number":99999999999999}""")]
    public void What_can_not_be_read_says_why_and_has_an_identity_all_the_same(string? value)
    {
        var incoming = Read(value, ("ce_id", "e1"));

        Assert.NotNull(incoming.Unreadable);
        Assert.Equal("e1", incoming.StoredId);
    }

    [Fact]
    public void A_record_of_no_type_is_unreadable()
    {
        Assert.IsType<EventBusException>(IncomingEvent.Read(Record("{}"), type: null, typeName: "").Unreadable);
        Assert.IsType<UnknownEventTypeException>(IncomingEvent.Read(Record("{}"), type: null, typeName: "unknown").Unreadable);
    }

    private static IncomingEvent Read(string? value, params (string Name, string Value)[] headers)
    {
        var record = Record(value);
        foreach (var (name, text) in headers)
        {
            record.Headers.Add(name, text);
        }

        return IncomingEvent.Read(record, Types.Of(typeof(Created)), "created");
    }

    private static IncomingRecord Record(string? value, byte[]? header = null)
    {
        var headers = new EventHeaders();
        if (header is not null)
        {
            headers.Add("ce_id", header);
        }

        return new IncomingRecord
        {
            Topic = "orders",
            Partition = 1,
            Offset = 42,
            Timestamp = DateTimeOffset.UnixEpoch.AddSeconds(5),
            Key = "k"u8.ToArray(),
            Value = value is null ? null : Encoding.UTF8.GetBytes(value),
            Headers = headers,
        };
    }

    [Event("created", Topic = "orders")]
    private sealed record Created(int Number) : DomainEvent;

    private sealed record Foreign(string TaskId);
}
