using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Kafka;

public sealed class KafkaHeadersTests
{
    private static readonly EventHeaders[] Records =
    [
        new() { { "a", "1" }, { "b", "2" }, { "c", "3" } },
        new() { { "a", "1" }, { "b", "3" }, { "c", "3" } },
        new() { { "a", "1" }, { "b", [] }, { "c", (byte[]?)null } },
        new() { { "a", "1" }, { "b", (byte[]?)null }, { "c", [] } },
        new() { { "b", "1" }, { "a", "1" }, { "a", "1" } },
        new() { { "a", new string('x', 100) }, { "b", "2" } },
        new() { { "a", new string('x', 100) }, { "b", "2" } },
        [],
        Many(20, "1"),
        Many(20, "2"),
    ];

    [Fact]
    public void Each_record_has_its_own_headers_whatever_the_one_before_had()
    {
        foreach (var headers in Records)
        {
            AssertSame(headers, KafkaHeaders.Of(HeaderBlock.Write(headers)));
            AssertSame(headers, KafkaHeaders.Of(headers));
        }
    }

    [Fact]
    public void A_value_that_the_caller_gave_is_not_written_over()
    {
        var given = new byte[] { 1 };
        KafkaHeaders.Of(new EventHeaders { { "a", given } });
        KafkaHeaders.Of(HeaderBlock.Write(new EventHeaders { { "a", [2] } }));

        Assert.Equal([1], given);
    }

    [Fact]
    public void Few_short_headers_take_no_memory_of_their_own()
    {
        var blocks = Records[..2].Select(HeaderBlock.Write).ToArray();
        KafkaHeaders.Of(blocks[0]);
        var before = KafkaHeaders.Of(blocks[1]);

        Assert.Same(before, KafkaHeaders.Of(blocks[0]));
        Assert.Same(before[1], KafkaHeaders.Of(blocks[1])[1]);
    }

    private static void AssertSame(EventHeaders expected, Confluent.Kafka.Headers actual)
    {
        Assert.Equal(expected.Select(h => h.Key), actual.Select(h => h.Key));
        Assert.Equal(expected.Select(h => h.Value), actual.Select(h => h.GetValueBytes()));
    }

    private static EventHeaders Many(int count, string value)
    {
        var headers = new EventHeaders();
        for (var i = 0; i < count; i++)
        {
            headers.Add("h" + i, value);
        }

        return headers;
    }
}
