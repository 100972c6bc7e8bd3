using System.Security.Cryptography;
using System.Text;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class DeadLetterRecordTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private readonly EventBusOptions _options = new() { ServiceName = "payments", TopicPrefix = "test." };

    [Fact]
    public void Key_value_and_the_publishers_headers_are_the_originals()
    {
        var (letter, headers) = Create([1, 2, 0, 255], ("x-tenant", "t1"), ("traceparent", "00-a-b-01"), ("ce_id", "e1"), ("ce_source", "orders"));

        Assert.Equal("test.dead-letter-queue", letter.Topic);
        Assert.Equal("key"u8.ToArray(), letter.Key);
        Assert.Equal([1, 2, 0, 255], letter.Payload);
        Assert.Equal("t1", headers["x-tenant"]);
        Assert.Equal("00-a-b-01", headers["traceparent"]);
    }

    [Fact]
    public void It_is_an_event_of_its_own_of_the_originals_type()
    {
        var (letter, headers) = Create([], ("ce_id", "e1"), ("ce_source", "orders"));

        Assert.Equal(letter.EventId, headers["ce_id"]);
        Assert.True(Guid.TryParse(headers["ce_id"], out _));
        Assert.Equal("payments", headers["ce_source"]);
        Assert.Equal("order.created", headers["ce_type"]);
        Assert.Equal("e1", headers["dlq_original_id"]);
        Assert.Equal("orders", headers["dlq_original_source"]);
    }

    [Fact]
    public void It_says_where_the_record_was_and_why_it_is_here()
    {
        var (_, headers) = Create([]);

        Assert.Equal("order-events", headers["dlq_original_topic"]);
        Assert.Equal("3", headers["dlq_original_partition"]);
        Assert.Equal("42", headers["dlq_original_offset"]);
        Assert.Equal("1970-01-01T00:00:00.000Z", headers["dlq_original_timestamp"]);
        Assert.Equal("payments", headers["dlq_group"]);
        Assert.Equal("charge", headers["dlq_consumer"]);
        Assert.Equal("3", headers["dlq_attempts"]);
        Assert.Equal("2026-01-02T03:04:05.678Z", headers["dlq_first_failure"]);
        Assert.Equal("2026-01-02T03:04:05.678Z", headers["dlq_last_failure"]);
        Assert.Equal("System.InvalidOperationException", headers["dlq_exception_type"]);
        Assert.Equal("broken \uFFFD", headers["dlq_exception_message"]);
        Assert.Contains("broken", headers["dlq_exception_stack"], StringComparison.Ordinal);
        Assert.Equal("trace", headers["dlq_trace_id"]);
        Assert.Equal("0", headers["dlq_replay_count"]);
    }

    [Fact]
    public void What_it_was_as_a_dead_letter_before_is_not_mixed_with_what_it_is_now()
    {
        var (_, headers) = Create([], ("dlq_group", "old"), ("dlq_omitted_payload_sha256", "old"));

        Assert.Equal("payments", Assert.Single(headers, h => h.Key == "dlq_group").Value is { } value ? Encoding.UTF8.GetString(value) : null);
        Assert.False(headers.Contains("dlq_omitted_payload_sha256"));
    }

    [Fact]
    public void A_value_too_large_for_the_topic_stays_behind_with_its_hash_and_address()
    {
        _options.Topics["dead-letter-queue"] = new TopicOptions { MaxMessageBytes = 20_000 };
        var value = new byte[30_000];

        var (letter, headers) = Create(value, ("x-tenant", "t1"));

        Assert.Null(letter.Payload);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(value)), headers["dlq_omitted_payload_sha256"]);
        Assert.Equal("42", headers["dlq_original_offset"]);
        Assert.Equal("t1", headers["x-tenant"]);
    }

    [Fact]
    public void Headers_too_large_for_the_topic_stay_behind_too()
    {
        _options.Topics["dead-letter-queue"] = new TopicOptions { MaxMessageBytes = 20_000 };

        var (letter, headers) = Create([1], ("x-huge", new string('x', 50_000)), ("ce_id", new string('y', 50_000)));

        Assert.True(letter.Size <= 20_000);
        Assert.False(headers.Contains("x-huge"));
        Assert.Equal("42", headers["dlq_original_offset"]);
    }

    [Fact]
    public void An_exception_that_can_not_be_asked_for_its_text_is_no_obstacle()
    {
        var failure = new Failure(new Mute(), 1, Now, Now);

        Assert.Contains("Mute", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Mute", failure.Stack, StringComparison.Ordinal);
    }

    private (OutgoingRecord Letter, EventHeaders Headers) Create(byte[] value, params (string Name, string Value)[] headers)
    {
        var record = new IncomingRecord
        {
            Topic = "order-events",
            Partition = 3,
            Offset = 42,
            Timestamp = DateTimeOffset.UnixEpoch,
            Key = "key"u8.ToArray(),
            Value = value,
            Headers = [],
        };
        foreach (var (name, text) in headers)
        {
            record.Headers.Add(name, text);
        }

        var consumer = new ConsumerSettings
        {
            Name = "charge",
            ConsumerType = typeof(object),
            EventTypes = [],
            Group = "payments",
            Options = new ConsumerOptions(),
            ContextType = null,
        };
        var failure = new Failure(new InvalidOperationException("broken \0"), 3, Now, Now);
        var letter = DeadLetterRecord.Create(IncomingEvent.Read(record, type: null, "order.created"), consumer, failure, "trace", Settings());
        return (letter, letter.Headers);
    }

    private BusSettings Settings() => new()
    {
        Options = _options,
        Types = new EventTypes("", new Dictionary<Type, MappedEvent>(), new Dictionary<string, IEventBytesSerializer>()),
        Outboxes = [],
        Consumers = [],
        Published = [],
        PublishHooks = [],
        ConsumeHooks = [],
        TokenSource = null,
        Errors = [],
    };

    private sealed class Mute : Exception
    {
        public override string Message => throw new NotSupportedException();

        public override string ToString() => throw new NotSupportedException();
    }
}
