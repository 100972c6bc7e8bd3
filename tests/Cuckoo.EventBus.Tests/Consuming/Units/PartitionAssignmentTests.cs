using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class PartitionAssignmentTests
{
    private readonly PartitionAssignment _assignment = new(new PartitionId("orders", 1));

    [Fact]
    public void A_position_is_taken_once()
    {
        Finish(Deliver(4));

        Assert.Equal(5, _assignment.TakePosition()?.NextOffset);
        Assert.Null(_assignment.TakePosition());
    }

    [Fact]
    public void A_record_without_an_outcome_moves_nothing()
    {
        var delivery = Deliver(4);
        Assert.True(_assignment.TryBegin());
        _assignment.End(delivery, isFinished: false);

        Assert.Null(_assignment.TakePosition());
    }

    [Fact]
    public void A_record_of_several_lanes_is_finished_when_it_is_in_all()
    {
        var delivery = Deliver(4, lanes: 2);
        Finish(delivery);
        Assert.Null(_assignment.TakePosition());
        Assert.False(delivery.Leave());

        Finish(delivery);
        Assert.Equal(5, _assignment.TakePosition()?.NextOffset);
        Assert.True(delivery.Leave());
    }

    [Fact]
    public void A_record_that_one_of_its_lanes_left_without_an_outcome_moves_nothing()
    {
        var delivery = Deliver(4, lanes: 2);
        Finish(delivery);
        Assert.True(_assignment.TryBegin());
        _assignment.End(delivery, isFinished: false);

        Assert.Null(_assignment.TakePosition());
    }

    [Fact]
    public void When_the_end_is_near_no_record_begins_but_a_running_one_still_counts()
    {
        var running = Deliver(4);
        Assert.True(_assignment.TryBegin());

        _assignment.StopFeeding();
        Assert.False(_assignment.TryBegin());
        Assert.True(_assignment.Lease.Ending.IsCancellationRequested);
        Assert.False(_assignment.Lease.Ended.IsCancellationRequested);

        _assignment.End(running, isFinished: true);
        Assert.Equal(5, _assignment.TakePosition()?.NextOffset);
    }

    [Fact]
    public void After_it_is_given_up_no_position_moves()
    {
        var running = Deliver(4);
        Assert.True(_assignment.TryBegin());

        _assignment.GiveUp();
        _assignment.End(running, isFinished: true);

        Assert.True(_assignment.Lease.Ended.IsCancellationRequested);
        Assert.Null(_assignment.TakePosition());
    }

    [Fact]
    public async Task Waiting_ends_with_the_last_running_record()
    {
        var running = Deliver(4);
        Assert.True(_assignment.TryBegin());

        var waiting = Task.Factory.StartNew(
            () => _assignment.WaitUntilIdle(TimeSpan.FromMinutes(1), CancellationToken.None), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _assignment.End(running, isFinished: true);

        await Eventually.Ends(waiting);
    }

    [Fact]
    public void Waiting_ends_with_its_limit_and_when_nobody_waits_any_longer()
    {
        Assert.True(_assignment.TryBegin());
        using var hurry = new CancellationTokenSource();
        hurry.Cancel();

        _assignment.WaitUntilIdle(TimeSpan.FromMilliseconds(1), CancellationToken.None);
        _assignment.WaitUntilIdle(TimeSpan.FromMinutes(1), hurry.Token);
    }

    private Delivery Deliver(long offset, int lanes = 1) => _assignment.Deliver(
        new IncomingRecord
        {
            Topic = "orders",
            Partition = 1,
            Offset = offset,
            Timestamp = DateTimeOffset.UnixEpoch,
            Headers = [],
        },
        "order.placed",
        type: null,
        lanes);

    private void Finish(Delivery delivery)
    {
        Assert.True(_assignment.TryBegin());
        _assignment.End(delivery, isFinished: true);
    }
}
