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
    public void A_header_that_the_record_before_had_too_is_not_made_again()
    {
        var first = KafkaHeaders.Of(HeaderBlock.Write(Records[0]));
        var second = KafkaHeaders.Of(HeaderBlock.Write(Records[1]));

        Assert.Same(first[0], second[0]);
        Assert.NotSame(first[1], second[1]);
        Assert.Same(first[2], second[2]);
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
