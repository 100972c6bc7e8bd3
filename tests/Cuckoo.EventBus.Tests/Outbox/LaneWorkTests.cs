using Cuckoo.EventBus.Outbox;

namespace Cuckoo.EventBus.Tests.Outbox;

public sealed class LaneWorkTests
{
    private readonly LaneWork _work = new(1);

    [Fact]
    public async Task Whoever_wants_first_starts_a_run_and_nobody_else_does()
    {
        var end = new TaskCompletionSource();
        var runs = 0;
        Func<Task> run = () =>
        {
            runs++;
            return end.Task;
        };
        _work.Want(LaneWants.Rows, run);
        _work.Want(LaneWants.Rows, run);
        _work.Want(LaneWants.Retries, run);
        end.SetResult();
        await _work.Running;

        Assert.Equal(1, runs);
        Assert.Equal(LaneWants.Rows | LaneWants.Retries, _work.Take());
    }

    [Fact]
    public void What_is_wanted_during_a_run_keeps_it_running()
    {
        _work.Want(LaneWants.Rows, () => Task.CompletedTask);
        Assert.Equal(LaneWants.Rows, _work.Take());
        _work.Want(LaneWants.Retries, () => Task.CompletedTask);

        Assert.False(_work.IsDone());
        Assert.Equal(LaneWants.Retries, _work.Take());
        Assert.True(_work.IsDone());
    }

    [Fact]
    public async Task What_is_wanted_wakes_the_drain()
    {
        var window = new LaneWindow();
        _work.Want(LaneWants.Rows, () => Task.CompletedTask);
        _work.Attach(window);

        var waiting = window.WaitAsync(-1, TimeSpan.FromMinutes(1), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        _work.Want(LaneWants.Rows, () => Task.CompletedTask);

        Assert.True(await waiting);
    }
}
