using Cuckoo.EventBus.Consuming;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class InFlightTests
{
    private readonly InFlight _inFlight = new(maxRecords: 4, maxBytes: 1000);

    [Fact]
    public void It_is_full_at_the_limit_of_records_and_has_room_at_half_of_it()
    {
        Add(4, bytes: 1);
        Assert.True(_inFlight.IsFull);

        _inFlight.Remove(1);
        Assert.False(_inFlight.IsFull);
        Assert.False(_inFlight.WaitForRoom(TimeSpan.Zero));

        _inFlight.Remove(1);
        Assert.True(_inFlight.WaitForRoom(TimeSpan.Zero));
    }

    [Fact]
    public void It_is_full_at_the_limit_of_bytes_too()
    {
        Add(2, bytes: 500);
        Assert.True(_inFlight.IsFull);

        _inFlight.Remove(500);
        Assert.True(_inFlight.WaitForRoom(TimeSpan.Zero));
    }

    [Fact]
    public async Task Who_waits_for_room_is_woken_by_it()
    {
        Add(4, bytes: 1);
        var waiting = Task.Factory.StartNew(
            () => _inFlight.WaitForRoom(TimeSpan.FromMinutes(1)), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        _inFlight.Remove(1);
        _inFlight.Remove(1);

        await Eventually.Ends(waiting);
        Assert.True(await waiting);
    }

    private void Add(int records, int bytes)
    {
        for (var i = 0; i < records; i++)
        {
            _inFlight.Add(bytes);
        }
    }
}
