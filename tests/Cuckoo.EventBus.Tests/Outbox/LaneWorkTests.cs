using Cuckoo.EventBus.Outbox;

namespace Cuckoo.EventBus.Tests.Outbox;

public sealed class LaneWorkTests
{
    private readonly LaneWork _work = new(1);

    [Fact]
    public void Whoever_wants_first_runs_and_nobody_else()
    {
        Assert.True(_work.Want(LaneWants.Rows));
        Assert.False(_work.Want(LaneWants.Rows));
        Assert.False(_work.Want(LaneWants.Retries));
    }

    [Fact]
    public void What_is_wanted_during_a_drain_keeps_its_runner_running()
    {
        _work.Want(LaneWants.Rows);
        Assert.Equal(LaneWants.Rows, _work.Take());
        _work.Want(LaneWants.Retries);

        Assert.False(_work.IsDone());
        Assert.Equal(LaneWants.Retries, _work.Take());
        Assert.True(_work.IsDone());
        Assert.True(_work.Want(LaneWants.Rows));
    }

    [Fact]
    public async Task What_is_wanted_wakes_the_drain()
    {
        var window = new LaneWindow();
        _work.Want(LaneWants.Rows);
        _work.Attach(window);

        var waiting = window.WaitAsync(-1, TimeSpan.FromMinutes(1), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        _work.Want(LaneWants.Rows);

        Assert.True(await waiting);
    }
}
