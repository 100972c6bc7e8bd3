using Cuckoo.EventBus.Retrying;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cuckoo.EventBus.Tests.Retrying;

public sealed class OutageWatchTests
{
    private readonly ConsumerGate _first = Gate("first");
    private readonly ConsumerGate _second = Gate("second");
    private int _asked;
    private volatile string? _answer = "refused";

    [Fact]
    public async Task An_outage_that_one_notices_pauses_all_and_one_question_at_a_time_ends_it()
    {
        var watch = Watch();
        watch.Add(_second);

        var explained = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ExplainsAsync(watch)));

        Assert.All(explained, Assert.True);
        // One at a time, and with pauses between; how many in all is up to the machine.
        Assert.InRange(_asked, 1, 25);
        Assert.Equal("The database does not answer: refused", Assert.Single(_second.Pauses).Detail);
        Assert.True(_first.IsPaused);
        _answer = null;
        await Eventually.True(() => !_first.IsPaused && !_second.IsPaused);
    }

    [Fact]
    public async Task A_failure_is_the_records_own_when_the_question_is_answered()
    {
        _answer = null;

        Assert.False(await ExplainsAsync(Watch()));

        Assert.False(_first.IsPaused);
    }

    [Fact]
    public async Task An_attempt_that_began_before_an_outage_ended_is_explained_by_it()
    {
        var watch = Watch();
        var began = TimeProvider.System.GetTimestamp();
        Assert.True(await watch.ExplainsAsync(_first, began, CancellationToken.None));
        _answer = null;
        await Eventually.True(() => !_first.IsPaused);

        Assert.True(await watch.ExplainsAsync(_second, began, CancellationToken.None));
        Assert.False(await watch.ExplainsAsync(_second, TimeProvider.System.GetTimestamp(), CancellationToken.None));
    }

    private static ConsumerGate Gate(string name) => new(name, 2, TimeProvider.System, NullLogger<ConsumerGate>.Instance);

    private Task<bool> ExplainsAsync(OutageWatch watch) => watch.ExplainsAsync(_first, TimeProvider.System.GetTimestamp(), CancellationToken.None).AsTask();

    private OutageWatch Watch() => new(
        PauseReason.DatabaseAway,
        "The database",
        async _ =>
        {
            Interlocked.Increment(ref _asked);
            await Task.Yield();
            return _answer;
        },
        TimeProvider.System);
}
