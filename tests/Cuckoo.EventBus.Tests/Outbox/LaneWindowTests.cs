using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Outbox;

namespace Cuckoo.EventBus.Tests.Outbox;

public sealed class LaneWindowTests
{
    private static readonly SendResult Acknowledged = new(SendOutcome.Acknowledged, Error: null);
    private readonly LaneWindow _window = new();

    [Fact]
    public void Rows_are_on_their_way_until_their_answers_are_taken()
    {
        var (one, two) = (Add(1), Add(2));
        one.Answered(Acknowledged);
        Assert.Equal([1, 2], _window.Rows.Keys.Order());

        Assert.Equal([one], _window.TakeAnswers());
        Assert.Equal([2], _window.Rows.Keys);
        Assert.Empty(_window.TakeAnswers());

        two.Answered(Acknowledged);
        Assert.Equal([two], _window.TakeAnswers());
        Assert.Empty(_window.Rows);
    }

    [Fact]
    public async Task A_wait_ends_when_few_enough_are_unanswered()
    {
        var rows = Enumerable.Range(1, 3).Select(n => Add(n)).ToList();
        var waiting = WaitAsync(unanswered: 1);
        rows[0].Answered(Acknowledged);
        Assert.False(waiting.IsCompleted);

        rows[1].Answered(Acknowledged);

        Assert.True(await waiting);
    }

    [Theory]
    [InlineData(SendOutcome.Rejected)]
    [InlineData(SendOutcome.HeldBack)]
    [InlineData(SendOutcome.Trouble)]
    public async Task A_failure_ends_it_at_once(object outcome)
    {
        var row = Add(1);
        Add(2);
        var waiting = WaitAsync(unanswered: 0);

        row.Answered(new SendResult((SendOutcome)outcome, "no"));

        Assert.True(await waiting);
    }

    [Fact]
    public async Task So_does_the_answer_of_a_row_that_travelled_alone()
    {
        var row = Add(1, SendWay.Suspected);
        Add(2);
        var waiting = WaitAsync(unanswered: 0);

        row.Answered(Acknowledged);

        Assert.True(await waiting);
    }

    [Fact]
    public async Task So_does_the_answer_of_a_row_whose_partition_was_blocked()
    {
        var row = Add(1);
        row.Blocked = new BlockedPartition("orders", 0);
        Add(2);
        var waiting = WaitAsync(unanswered: 0);

        row.Answered(Acknowledged);

        Assert.True(await waiting);
    }

    [Fact]
    public async Task What_woke_it_before_it_waits_is_not_lost_and_counts_once()
    {
        Add(1);
        _window.Wake();
        Assert.True(await WaitAsync(unanswered: 0));

        _window.TakeAnswers();
        Assert.False(await _window.WaitAsync(0, TimeSpan.Zero, TimeProvider.System, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_stop_ends_it()
    {
        Add(1);
        using var stop = new CancellationTokenSource();
        var waiting = _window.WaitAsync(0, TimeSpan.FromMinutes(1), TimeProvider.System, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    private Task<bool> WaitAsync(int unanswered) => _window.WaitAsync(unanswered, TimeSpan.FromMinutes(1), TimeProvider.System, TestContext.Current.CancellationToken);

    private SentRow Add(long id, SendWay way = SendWay.Together)
    {
        var row = new PendingRow { Id = id, Topic = "t", Key = [1], Headers = [1], Payload = [1, 2, 3], Attempts = 0 };
        var sent = new SentRow(_window, row, way, TimeProvider.System);
        _window.Add(sent);
        return sent;
    }
}
