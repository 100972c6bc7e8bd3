using Cuckoo.EventBus.Outbox;

namespace Cuckoo.EventBus.Tests.Outbox;

public sealed class LaneQueueTests
{
    private readonly LaneQueue _queue = new();

    [Fact]
    public async Task A_lane_added_twice_is_taken_once()
    {
        _queue.Add(1);
        _queue.Add(1);
        _queue.Add(2);

        Assert.Equal(1, await _queue.TakeAsync(default));
        Assert.Equal(2, await _queue.TakeAsync(default));
        Assert.False(_queue.TakeAsync(default).AsTask().IsCompleted);
    }

    [Fact]
    public async Task A_lane_added_while_it_is_drained_is_taken_again_afterwards_and_not_before()
    {
        _queue.Add(1);
        await _queue.TakeAsync(default);
        _queue.Add(1);

        var again = _queue.TakeAsync(default).AsTask();
        Assert.False(again.IsCompleted);
        _queue.Done(1);

        Assert.Equal(1, await again);
    }

    [Fact]
    public async Task A_drained_lane_is_not_taken_again_by_itself()
    {
        _queue.Add(1);
        await _queue.TakeAsync(default);
        _queue.Done(1);

        Assert.False(_queue.TakeAsync(default).AsTask().IsCompleted);
    }
}
