using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Tests.Kafka;

public sealed class UnansweredRecordsTests
{
    [Fact]
    public void A_late_answer_meets_nobody_and_frees_its_place()
    {
        var records = new UnansweredRecords<int>(place => place);
        var (first, second, third) = (new Nobody(), new Nobody(), new Nobody());
        var (place, handler) = records.Add(first);
        Assert.Equal(place, handler);
        Assert.Equal([first], records.TakeWhere(_ => true));
        Assert.NotEqual(place, records.Add(second).Place);

        Assert.Null(records.Remove(place));
        Assert.Equal(1, records.Count);
        Assert.Equal((place, handler), records.Add(third));
        Assert.Same(third, records.Remove(place));
        Assert.Equal(1, records.Count);
    }

    [Fact]
    public void Only_those_that_a_condition_holds_for_are_taken()
    {
        var records = new UnansweredRecords<int>(place => place);
        Nobody[] all = [new(), new(), new()];
        var places = all.Select(sending => records.Add(sending).Place).ToList();
        Assert.Same(all[1], records.Remove(places[1]));

        Assert.Equal([all[2]], records.TakeWhere(sending => ReferenceEquals(sending, all[2])));
        Assert.Equal([all[0]], records.TakeWhere(_ => true));
        Assert.Empty(records.TakeWhere(_ => true));
        Assert.Equal(0, records.Count);
    }

    private sealed class Nobody : ISending
    {
        public void Answered(SendResult result)
        {
        }
    }
}
