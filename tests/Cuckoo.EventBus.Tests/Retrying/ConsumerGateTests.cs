using Cuckoo.EventBus.Retrying;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cuckoo.EventBus.Tests.Retrying;

public sealed class ConsumerGateTests
{
    private readonly ConsumerGate _gate = new("ship", 2, TimeProvider.System, NullLogger<ConsumerGate>.Instance);

    [Fact]
    public async Task So_many_pass_at_a_time()
    {
        var first = await EnterAsync();
        await EnterAsync();
        var third = _gate.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(third.IsCompleted);
        Assert.True(_gate.IsFull);

        first.Dispose();

        await Eventually.Ends(third);
        Assert.Equal(2, _gate.Running);
    }

    [Fact]
    public async Task A_pause_begins_at_once_also_for_those_who_wait_for_a_slot()
    {
        var passes = new[] { await EnterAsync(), await EnterAsync() };
        var waiting = _gate.EnterAsync(CancellationToken.None).AsTask();

        _gate.Pause(PauseReason.Administration, "because");
        passes[0].Dispose();
        passes[1].Dispose();

        await Eventually.Equal(0, () => _gate.Running);
        Assert.False(waiting.IsCompleted);
        _gate.Resume(PauseReason.Administration);
        await Eventually.Ends(waiting);
    }

    [Fact]
    public async Task Every_reason_has_to_end()
    {
        _gate.Pause(PauseReason.Administration, "because");
        _gate.Pause(PauseReason.DatabaseAway, "away");
        var waiting = _gate.EnterAsync(CancellationToken.None).AsTask();

        Assert.True(_gate.Resume(PauseReason.Administration));
        Assert.False(_gate.Resume(PauseReason.Administration));
        Assert.Equal([PauseReason.DatabaseAway], _gate.Pauses.Select(p => p.Reason));
        Assert.False(waiting.IsCompleted);

        _gate.Resume(PauseReason.DatabaseAway);
        await Eventually.Ends(waiting);
    }

    [Fact]
    public async Task Who_waits_leaves_when_its_partition_is_given_up()
    {
        _gate.Pause(PauseReason.Administration, "because");
        using var given = new CancellationTokenSource();
        var waiting = _gate.EnterAsync(given.Token).AsTask();

        await given.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, _gate.Running);
    }

    [Fact]
    public async Task A_pause_with_a_length_ends_by_itself_and_a_longer_one_takes_its_place()
    {
        _gate.Pause(PauseReason.Exception, "first", TimeSpan.FromMilliseconds(50));
        var since = Assert.Single(_gate.Pauses).Since;
        _gate.Pause(PauseReason.Exception, "second", TimeSpan.FromMilliseconds(300));
        Assert.Equal(("second", since), (Assert.Single(_gate.Pauses).Detail, Assert.Single(_gate.Pauses).Since));

        await EnterAsync();

        Assert.Empty(_gate.Pauses);
    }

    [Fact]
    public async Task After_a_pause_that_is_to_be_tried_one_passes_and_the_next_when_that_one_showed_nothing()
    {
        _gate.Pause(PauseReason.KillSwitch, "broken", TimeSpan.FromMilliseconds(20), thenTry: true);
        var entering = Enumerable.Range(0, 3).Select(_ => _gate.EnterAsync(CancellationToken.None).AsTask()).ToList();

        await Eventually.Ends(Task.WhenAny(entering));
        await Eventually.Equal(1, () => entering.Count(task => task.IsCompleted));
        Assert.Equal(1, _gate.Running);
        (await await Task.WhenAny(entering)).Dispose();

        await Eventually.Equal(2, () => entering.Count(task => task.IsCompleted));
        Assert.Equal(1, _gate.Running);
        _gate.Resume(PauseReason.KillSwitch);
        await Eventually.Ends(Task.WhenAll(entering));
    }

    private async Task<GatePass> EnterAsync()
    {
        var entering = _gate.EnterAsync(CancellationToken.None).AsTask();
        await Eventually.Ends(entering);
        return await entering;
    }
}
