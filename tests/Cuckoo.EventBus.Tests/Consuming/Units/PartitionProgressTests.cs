using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class PartitionProgressTests
{
    private readonly PartitionProgress _progress = new();

    [Fact]
    public void The_position_follows_the_last_record_of_the_finished_prefix()
    {
        var marks = Deliver(10, 11, 12);

        _progress.Finish(marks[0]);
        Assert.Equal(11, _progress.Position?.NextOffset);

        _progress.Finish(marks[1]);
        Assert.Equal(12, _progress.Position?.NextOffset);
    }

    [Fact]
    public void A_record_that_is_not_finished_holds_the_position_back()
    {
        var marks = Deliver(10, 11, 12);

        _progress.Finish(marks[2]);
        _progress.Finish(marks[1]);
        Assert.Null(_progress.Position);
        Assert.Equal(3, _progress.Unsettled);

        _progress.Finish(marks[0]);
        Assert.Equal(13, _progress.Position?.NextOffset);
        Assert.Equal(0, _progress.Unsettled);
    }

    [Fact]
    public void Gaps_between_offsets_hold_nothing_back()
    {
        foreach (var mark in Deliver(3, 7, 100))
        {
            _progress.Finish(mark);
        }

        Assert.Equal(101, _progress.Position?.NextOffset);
    }

    [Fact]
    public void Offsets_that_start_again_lower_are_followed_in_the_order_of_delivery()
    {
        var old = Deliver(5, 6);
        var again = Deliver(0, 5);

        _progress.Finish(again[0]);
        _progress.Finish(again[1]);
        _progress.Finish(old[1]);
        Assert.Null(_progress.Position);

        _progress.Finish(old[0]);
        Assert.Equal(6, _progress.Position?.NextOffset);
    }

    [Fact]
    public void The_leader_epoch_is_that_of_the_last_finished_record()
    {
        var first = _progress.Deliver(1, leaderEpoch: 4);
        var second = _progress.Deliver(2, leaderEpoch: 5);

        _progress.Finish(second);
        _progress.Finish(first);

        Assert.Equal(new PartitionPosition(3, 5), _progress.Position);
    }

    [Fact]
    public void Whatever_the_order_of_finishing_no_unfinished_record_is_passed()
    {
        var random = new Random(4711);
        var marks = Deliver([.. Enumerable.Range(0, 2000).Select(i => (long)i * 3)]);
        random.Shuffle(marks);
        foreach (var mark in marks)
        {
            _progress.Finish(mark);
            var position = _progress.Position?.NextOffset ?? 0;
            Assert.DoesNotContain(marks, m => !m.IsFinished && m.Offset < position);
        }

        Assert.Equal((1999 * 3) + 1, _progress.Position?.NextOffset);
    }

    private PartitionProgress.Mark[] Deliver(params long[] offsets) => [.. offsets.Select(offset => _progress.Deliver(offset, leaderEpoch: null))];
}
