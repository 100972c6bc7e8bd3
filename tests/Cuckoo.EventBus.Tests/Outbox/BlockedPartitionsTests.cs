using System.Text;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Outbox;

namespace Cuckoo.EventBus.Tests.Outbox;

public sealed class BlockedPartitionsTests
{
    private const string Topic = "orders";
    private readonly BlockedPartitions _blocked = new();
    private readonly LaneWindow _window = new();

    [Fact]
    public void Rows_pass_while_nothing_is_blocked()
    {
        Assert.False(_blocked.Passes(Row(1, "a")));
        Assert.Null(_blocked.PassedFrom);
    }

    [Fact]
    public void Only_rows_of_the_blocked_partition_are_passed_over()
    {
        const int Partitions = 4;
        _blocked.Learn(Topic, Partitions);
        _blocked.Block(Sent(Row(1, "a")));

        for (var n = 0; n < 50; n++)
        {
            var isSame = Murmur2.Partition(Encoding.UTF8.GetBytes($"{n}"), Partitions) == Murmur2.Partition("a"u8, Partitions);
            Assert.Equal(isSame, _blocked.Passes(Row(10 + n, $"{n}")));
        }

        Assert.False(_blocked.Passes(Row(100, "a") with { Topic = "another" }));
        Assert.False(_blocked.Passes(Row(101, null)));
    }

    [Fact]
    public void Of_a_topic_that_nobody_knows_all_rows_are_passed_over()
    {
        var waiting = Sent(Row(1, "a"));
        Assert.Equal([Topic], _blocked.Unknown([waiting]));
        _blocked.Learn(Topic, null);
        Assert.Empty(_blocked.Unknown([waiting]));

        _blocked.Block(waiting);

        Assert.True(_blocked.Passes(Row(2, "anything")));
        Assert.False(_blocked.Passes(Row(3, "anything") with { Topic = "another" }));
    }

    [Fact]
    public void When_its_last_row_is_answered_reads_return_to_the_first_one_passed_over()
    {
        _blocked.Learn(Topic, 1);
        var (one, two) = (Sent(Row(1, "a")), Sent(Row(2, "b")));
        _blocked.Block(one);
        _blocked.Block(two);
        _blocked.Block(two);
        _blocked.Passes(Row(7, "c"));
        _blocked.Passes(Row(5, "c"));
        Assert.Equal(5, _blocked.PassedFrom);

        Assert.Null(_blocked.Answered(one));
        Assert.Equal(5, _blocked.Answered(two));
        Assert.False(_blocked.Passes(Row(8, "c")));
    }

    [Fact]
    public void A_row_that_was_never_blocked_frees_nothing()
    {
        _blocked.Learn(Topic, 1);
        _blocked.Block(Sent(Row(1, "a")));
        _blocked.Passes(Row(2, "a"));

        Assert.Null(_blocked.Answered(Sent(Row(3, "a"))));
        Assert.Equal(2, _blocked.PassedFrom);
    }

    [Fact]
    public void A_new_producer_begins_with_nothing_blocked_and_reads_return_to_all_that_was_passed_over()
    {
        _blocked.Learn(Topic, 1);
        var old = Sent(Row(1, "a"));
        _blocked.Block(old);
        _blocked.Passes(Row(4, "a"));

        Assert.Equal(4, _blocked.Clear());

        Assert.Null(_blocked.Answered(old));
    }

    private static PendingRow Row(long id, string? key) => new()
    {
        Id = id,
        Topic = Topic,
        Key = key is null ? null : Encoding.UTF8.GetBytes(key),
        Headers = [1],
        Payload = [],
        Attempts = 0,
    };

    private SentRow Sent(PendingRow row) => new(_window, row, SendWay.Together, TimeProvider.System);
}
