using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Tests.Kafka;

public sealed class UnansweredRecordsTests
{
    [Fact]
    public void A_late_answer_meets_nobody_and_frees_its_place()
    {
        var records = new UnansweredRecords<string>(_ => Guid.NewGuid().ToString());
        var (first, second, third) = (new Nobody(), new Nobody(), new Nobody());
        var place = records.Add(first);
        var handler = place.Handler;
        Assert.Equal([first], records.TakeWhere(_ => true));
        Assert.NotSame(place, records.Add(second));

        Assert.Null(records.Remove(place));
        Assert.False(records.IsEmpty);
        Assert.Same(place, records.Add(third));
        Assert.Same(handler, place.Handler);
        Assert.Same(third, records.Remove(place));
        Assert.False(records.IsEmpty);
    }

    [Fact]
    public void Only_those_that_a_condition_holds_for_are_taken()
    {
        var records = new UnansweredRecords<int>(_ => 0);
        Nobody[] all = [new(), new(), new()];
        var places = all.Select(records.Add).ToList();
        Assert.Same(all[1], records.Remove(places[1]));

        Assert.Equal([all[2]], records.TakeWhere(sending => ReferenceEquals(sending, all[2])));
        Assert.Equal([all[0]], records.TakeWhere(_ => true));
        Assert.Empty(records.TakeWhere(_ => true));
        Assert.True(records.IsEmpty);
    }

    [Fact]
    public async Task Each_is_answered_once_while_others_are_added_and_taken()
    {
        const int Records = 200_000;
        var records = new UnansweredRecords<int>(_ => 0);
        var gate = new Lock();
        var sent = System.Threading.Channels.Channel.CreateBounded<UnansweredRecords<int>.Place>(100);
        var places = new HashSet<UnansweredRecords<int>.Place>();
        var answering = Task.Run(async () =>
        {
            var answered = 0;
            await foreach (var place in sent.Reader.ReadAllAsync())
            {
                if (records.Remove(place) is Nobody nobody)
                {
                    Assert.Equal(1, Interlocked.Increment(ref nobody.Answers));
                    answered++;
                }
            }

            return answered;
        });
        var taken = 0;
        for (var i = 0; i < Records; i++)
        {
            UnansweredRecords<int>.Place place;
            lock (gate)
            {
                place = records.Add(new Nobody());
                foreach (var nobody in i % 100 == 0 ? records.TakeWhere(_ => true).Cast<Nobody>() : [])
                {
                    Assert.Equal(1, Interlocked.Increment(ref nobody.Answers));
                    taken++;
                }
            }

            places.Add(place);
            await sent.Writer.WriteAsync(place);
        }

        sent.Writer.Complete();

        Assert.Equal(Records, await answering + taken);
        Assert.True(records.IsEmpty);
        // One is with each side, besides those on their way.
        Assert.InRange(places.Count, 1, 102);
    }

    private sealed class Nobody : ISending
    {
        public int Answers;

        public void Answered(SendResult result)
        {
        }
    }
}
