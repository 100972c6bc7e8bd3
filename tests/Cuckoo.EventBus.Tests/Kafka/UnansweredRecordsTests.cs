using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Tests.Kafka;

public sealed class UnansweredRecordsTests
{
    [Fact]
    public void A_late_answer_does_not_end_who_got_the_place_meanwhile()
    {
        var records = new UnansweredRecords();
        var (first, second) = (new Nobody(), new Nobody());
        var place = records.Add(first);
        Assert.Equal([first], records.TakeWhere(_ => true));
        Assert.Equal(place, records.Add(second));

        Assert.False(records.Remove(first, place));
        Assert.Equal(1, records.Count);
        Assert.True(records.Remove(second, place));
        Assert.False(records.Remove(second, place));
        Assert.Equal(0, records.Count);
    }

    [Fact]
    public void Only_those_that_a_condition_holds_for_are_taken()
    {
        var records = new UnansweredRecords();
        Nobody[] all = [new(), new(), new()];
        var places = all.Select(records.Add).ToList();
        records.Remove(all[1], places[1]);

        Assert.Equal([all[2]], records.TakeWhere(sending => ReferenceEquals(sending, all[2])));
        Assert.Equal([all[0]], records.TakeWhere(_ => true));
        Assert.Empty(records.TakeWhere(_ => true));
    }

    private sealed class Nobody : ISending
    {
        public void Answered(SendResult result)
        {
        }
    }
}
