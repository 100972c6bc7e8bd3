using Cuckoo.EventBus.Outbox;

namespace Cuckoo.EventBus.Tests.Outbox;

public sealed class LaneFloorTests
{
    private readonly LaneFloor _floor = new();

    [Fact]
    public void It_moves_to_what_was_seen_when_nobody_writes_and_a_later_read_saw_everything()
    {
        _floor.Read(null, seen: 200, isComplete: true);
        _floor.Done(200);
        _floor.Read([], seen: null, isComplete: true);

        Assert.Equal(200, _floor.Value);
    }

    [Fact]
    public void It_does_not_move_by_the_read_that_first_saw_the_rows()
    {
        _floor.Done(200);
        _floor.Read([], seen: 200, isComplete: true);

        Assert.Equal(0, _floor.Value);
    }

    [Fact]
    public void It_does_not_move_by_a_read_before_which_nobody_asked_who_writes()
    {
        _floor.Read(null, seen: 200, isComplete: true);
        _floor.Read(null, seen: 300, isComplete: true);

        Assert.Equal(0, _floor.Value);
    }

    [Fact]
    public void It_waits_for_whoever_was_writing_when_it_asked_first_and_not_for_those_who_came_later()
    {
        _floor.Read(null, seen: 200, isComplete: true);
        _floor.Read(["one", "two"], seen: null, isComplete: true);
        _floor.Read(["two", "three"], seen: null, isComplete: true);
        Assert.Equal(0, _floor.Value);

        _floor.Read(["three", "four"], seen: null, isComplete: true);
        Assert.Equal(200, _floor.Value);
    }

    [Fact]
    public void A_read_that_ends_below_the_candidate_does_not_move_it()
    {
        _floor.Read(null, seen: 200, isComplete: true);
        _floor.Read([], seen: 150, isComplete: false);
        Assert.Equal(0, _floor.Value);

        _floor.Read([], seen: 200, isComplete: false);
        Assert.Equal(200, _floor.Value);
    }

    [Fact]
    public void Rows_seen_while_it_waits_are_not_passed_with_the_candidate()
    {
        _floor.Read(null, seen: 200, isComplete: true);
        _floor.Read(["one"], seen: 300, isComplete: true);
        _floor.Read([], seen: null, isComplete: true);

        Assert.Equal(200, _floor.Value);
    }

    [Fact]
    public void Whoever_writes_is_asked_only_when_enough_rows_are_deleted_to_be_worth_it()
    {
        _floor.Done(1000);
        Assert.False(_floor.IsAsking);

        _floor.Read(null, seen: 1000, isComplete: true);
        Assert.True(_floor.IsAsking);

        _floor.Read([], seen: null, isComplete: true);
        Assert.False(_floor.IsAsking);
    }

    [Fact]
    public void It_returns_below_a_row_that_failed_and_to_the_beginning_when_rows_return()
    {
        _floor.Begin(500);
        _floor.LowerBelow(300);
        Assert.Equal(299, _floor.Value);
        _floor.LowerBelow(400);
        Assert.Equal(299, _floor.Value);

        _floor.Reset();
        Assert.Equal(0, _floor.Value);
    }

    [Fact]
    public void What_was_seen_counts_for_the_next_claim_unless_the_ids_may_be_others()
    {
        _floor.Read(null, seen: 200, isComplete: true);
        _floor.Begin(0);
        _floor.Read([], seen: null, isComplete: true);
        Assert.Equal(200, _floor.Value);

        _floor.Read(null, seen: 300, isComplete: true);
        _floor.Forget();
        _floor.Begin(0);
        _floor.Read([], seen: null, isComplete: true);
        Assert.Equal(0, _floor.Value);
    }
}
