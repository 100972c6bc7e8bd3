using System.Collections.Concurrent;
using System.Data.Common;
using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>What the sweep hands out, and for which assignment.</summary>
public sealed class ParkedRecordsTests(SqliteFixture databases)
{
    [Fact]
    public async Task Parked_keys_that_an_earlier_assignment_has_loaded_late_do_not_take_the_place_of_the_current_one()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var slow = new SlowClose();
        var owner = await scene.AddAsync(Fail, services => services.ConfigureDbContext<ShopContext>(options => options.AddInterceptors(slow)));
        await owner.ReceiveAsync(scene.Record(1));
        var (earlier, current) = (owner.Assignment, new PartitionAssignment(TwoOwners.Partition));

        var late = slow.HoldNextAsync();
        var loading = Task.Run(() => owner.Parked.LoadAsync(earlier));
        await Eventually.Ends(late);
        earlier.GiveUp();
        await owner.Parked.LoadAsync(current);
        slow.GoOn();
        await loading.ContinueWith(_ => { }, TaskScheduler.Default);

        await using var sweep = new Sweep(owner);
        Assert.Same(current, (await sweep.NextAsync(_ => true)).Assignment);
    }

    [Fact]
    public async Task A_key_whose_rows_are_being_worked_off_is_handed_out_once()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var isMended = false;
        var owner = await scene.AddAsync(h => isMended ? Apply(h) : Fail(h));
        await owner.TakeOverAsync();
        await owner.ReceiveAsync(scene.Record(1));
        await owner.ReceiveAsync(scene.Record(2));
        await using var sweep = new Sweep(owner);
        var first = await sweep.NextAsync(_ => true);
        var row = await owner.FirstAsync(first.Due);

        isMended = true;
        await owner.TryAsync(row!);
        // Two sweeps that see the key's next row due: a row of another key shows that one is over, and then the next one.
        isMended = false;
        await owner.ReceiveAsync(scene.Record(3, "b"));
        await sweep.NextAsync(work => work.Due.Key![0] == 'b');
        await owner.ReceiveAsync(scene.Record(4, "c"));
        await sweep.NextAsync(work => work.Due.Key![0] == 'c');

        Assert.Single(sweep.HandedOut, work => work.Due.Key![0] == 'a');
        first.Source.Done(first.Due);
        Assert.Equal(2, (await owner.FirstAsync((await sweep.NextAsync(work => work != first && work.Due.Key![0] == 'a')).Due))!.Record.Offset);
    }

    [Fact]
    public async Task Handlers_that_take_long_let_others_of_their_lane_have_their_turn()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var clock = new SteppedClock();
        var isMended = false;
        var owner = await scene.AddAsync(
            h =>
            {
                clock.Step(TimeSpan.FromSeconds(10));
                return isMended ? Apply(h) : Fail(h);
            },
            clock: clock);
        foreach (var number in Enumerable.Range(1, 4))
        {
            await owner.ReceiveAsync(scene.Record(number));
        }

        isMended = true;
        var due = await owner.EventuallyDueAsync();

        Assert.True(await owner.RunParkedAsync(due));

        Assert.Equal("1", await scene.EffectsAsync());
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private static Task Fail(Handling handling) => throw new InvalidOperationException("no paper");

    /// <summary>A sweep that runs while the test looks at what it hands out.</summary>
    private sealed class Sweep : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;

        public Sweep(OwnerHand owner) => _running = Task.Run(() => owner.Parked.RunAsync(HandedOut.Enqueue, _stop.Token));

        public ConcurrentQueue<ParkedWork> HandedOut { get; } = new();

        public Task<ParkedWork> NextAsync(Func<ParkedWork, bool> which) =>
            Eventually.Until(() => Task.FromResult(HandedOut.FirstOrDefault(which)!), work => work is not null, what: "work that is handed out");

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
        }
    }

    /// <summary>Holds a connection that is given back, when all that was asked is answered.</summary>
    private sealed class SlowClose : DbConnectionInterceptor
    {
        private readonly TaskCompletionSource _isHeld = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _toHold;

        public Task HoldNextAsync()
        {
            _toHold = 1;
            return _isHeld.Task;
        }

        public void GoOn() => _goOn.SetResult();

        public override async ValueTask<InterceptionResult> ConnectionClosingAsync(DbConnection connection, ConnectionEventData eventData, InterceptionResult result)
        {
            await HoldAsync();
            return result;
        }

        public override async ValueTask<InterceptionResult> ConnectionDisposingAsync(DbConnection connection, ConnectionEventData eventData, InterceptionResult result)
        {
            await HoldAsync();
            return result;
        }

        private async Task HoldAsync()
        {
            if (Interlocked.Exchange(ref _toHold, 0) == 1)
            {
                _isHeld.SetResult();
                await _goOn.Task;
            }
        }
    }

    /// <summary>A clock that goes on only when it is told.</summary>
    private sealed class SteppedClock : TimeProvider
    {
        private long _ticks = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Step(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

        public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);
    }
}
