using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class BatchLaneTests
{
    private readonly PartitionAssignment _assignment = new(new PartitionId("orders", 1));
    private readonly List<string> _runs = [];
    private long _offset;

    [Fact]
    public async Task What_has_gathered_while_a_batch_ran_is_the_next_one()
    {
        var open = new TaskCompletionSource();
        var lane = Lane(3, TimeSpan.Zero, async batch =>
        {
            if (batch[0].Delivery.Record.Offset == 0)
            {
                await open.Task;
            }
        });

        Add(lane, 1);
        await Eventually.Equal("0", Runs);
        Add(lane, 5);
        open.SetResult();

        await Eventually.Equal("0 | 1 2 3 | 4 5", Runs);
    }

    [Fact]
    public async Task A_batch_begins_when_it_is_full_however_long_it_may_wait()
    {
        var lane = Lane(3, TimeSpan.FromDays(100));

        Add(lane, 2);
        Add(lane, 2);

        await Eventually.Equal("0 1 2", Runs);
        Add(lane, 2);
        await Eventually.Equal("0 1 2 | 3 4 5", Runs);
    }

    [Fact]
    public async Task When_the_partition_is_given_up_nothing_waits_any_longer()
    {
        var lane = Lane(3, TimeSpan.FromDays(100));
        Add(lane, 2);

        _assignment.StopFeeding();

        await Eventually.Equal("0 1", Runs);
    }

    [Fact]
    public async Task Records_of_another_assignment_of_the_partition_are_another_batch()
    {
        var open = new TaskCompletionSource();
        var lane = Lane(10, TimeSpan.Zero, batch => batch[0].Delivery.Record.Offset == 0 ? open.Task : Task.CompletedTask);
        Add(lane, 1);
        await Eventually.Equal("0", Runs);
        Add(lane, 2);
        _assignment.GiveUp();
        Add(lane, 2, new PartitionAssignment(_assignment.Id));

        open.SetResult();

        await Eventually.Equal("0 | 1 2 | 3 4", Runs);
    }

    [Fact]
    public async Task Parked_records_do_not_wait_for_a_batch_to_be_full_and_take_turns_with_full_ones()
    {
        var open = new TaskCompletionSource();
        var lane = Lane(2, TimeSpan.FromDays(100), batch => batch[0].Delivery.Record.Offset == 0 ? open.Task : Task.CompletedTask);
        Add(lane, 2);
        await Eventually.Equal("0 1", Runs);
        lane.Add(Parked(1));
        lane.Add(Parked(2));
        lane.Add(Parked(3));
        Add(lane, 5);

        open.SetResult();

        await Eventually.Equal("0 1 | parked 1 | 2 3 | parked 2 | 4 5 | parked 3", Runs);
        lane.Add(Parked(4));
        await Eventually.True(() => Runs().EndsWith("| parked 4", StringComparison.Ordinal));
    }

    private BatchLane Lane(int size, TimeSpan wait, Func<IReadOnlyList<BatchRecord>, Task>? run = null) => new(
        size,
        wait,
        batch =>
        {
            Note(string.Join(' ', batch.Select(record => record.Delivery.Record.Offset)));
            return run?.Invoke(batch) ?? Task.CompletedTask;
        },
        work =>
        {
            Note($"parked {work.Due.Id}");
            return Task.CompletedTask;
        },
        TimeProvider.System);

    private ParkedWork Parked(long id) => new(new DueRow(id, "ship", _assignment.Id, null), _assignment, null!, null!);

    private void Add(BatchLane lane, int count, PartitionAssignment? assignment = null)
    {
        for (var i = 0; i < count; i++)
        {
            var record = new IncomingRecord { Topic = "orders", Partition = 1, Offset = _offset++, Timestamp = DateTimeOffset.UnixEpoch, Headers = [] };
            var delivery = (assignment ?? _assignment).Deliver(record, "order.placed", type: null, lanes: 1);
            lane.Add(new BatchRecord(delivery, TimeProvider.System.GetTimestamp()));
        }
    }

    private void Note(string run)
    {
        lock (_runs)
        {
            _runs.Add(run);
        }
    }

    private string Runs()
    {
        lock (_runs)
        {
            return string.Join(" | ", _runs);
        }
    }
}
