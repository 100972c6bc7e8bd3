using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>An owner that was frozen goes on after another one has its partition: whatever it says late, nothing is lost, doubled or reordered.</summary>
public abstract class FormerOwnerTests(DatabaseFixture databases)
{
    [Fact]
    public async Task What_it_parks_late_has_its_outcome_already()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (former, next) = (await scene.AddAsync(), await scene.AddAsync(Apply));
        await next.TakeOverAsync();
        await next.ReceiveAsync(scene.Record(1));

        var standing = await former.Store.ParkAsync(former.Read(scene.Record(1)), KeyOf(former, scene, 1), FailureOf(former), TimeSpan.Zero, default);

        Assert.Equal(InboxOutcome.Done, standing);
        Assert.Empty(await scene.ParkedAsync());
        Assert.Equal("1:Done", await scene.OutcomesAsync());
    }

    [Fact]
    public async Task What_it_parks_before_the_new_owner_comes_to_it_holds_the_key_there()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (former, next) = (await scene.AddAsync(Fail), await scene.AddAsync(Apply));
        await next.TakeOverAsync();
        await former.ReceiveAsync(scene.Record(1));

        await next.ReceiveAsync(scene.Record(1));
        await next.ReceiveAsync(scene.Record(2));

        Assert.True(next.Holds("a"));
        Assert.Equal("", await scene.EffectsAsync());
        await next.WorkOffAsync(await next.EventuallyDueAsync());
        Assert.Equal("1 2", await scene.EffectsAsync());
        await next.ReceiveAsync(scene.Record(3));
        Assert.Equal("1 2 3", await scene.EffectsAsync());
    }

    [Fact]
    public async Task What_it_parks_behind_rows_that_are_gone_is_due_and_keeps_its_place()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (former, next) = (await scene.AddAsync(Fail), await scene.AddAsync(Apply));
        await former.ReceiveAsync(scene.Record(1));
        await next.TakeOverAsync();
        await next.WorkOffAsync(await next.EventuallyDueAsync());

        // It still holds the key.
        await former.ReceiveAsync(scene.Record(2));
        await former.ReceiveAsync(scene.Record(3));

        Assert.Equal([true, false], (await scene.ParkedAsync()).Select(row => row.DueAt is not null));
        await next.ReceiveAsync(scene.Record(2));
        await next.ReceiveAsync(scene.Record(3));
        await next.ReceiveAsync(scene.Record(4));
        await next.WorkOffAsync(await next.EventuallyDueAsync());
        Assert.Equal("1 2 3 4", await scene.EffectsAsync());
        Assert.Equal("1:Done 2:Done 3:Done 4:Done", await scene.OutcomesAsync());
    }

    [Fact]
    public async Task A_key_that_it_emptied_takes_its_next_record_all_the_same()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var isMended = false;
        var (former, next) = (await scene.AddAsync(h => isMended ? Apply(h) : Fail(h)), await scene.AddAsync(Apply));
        await former.ReceiveAsync(scene.Record(1));
        var due = await former.EventuallyDueAsync();
        await next.TakeOverAsync();
        isMended = true;

        await former.WorkOffAsync(due);
        Assert.True(next.Holds("a"));
        await next.ReceiveAsync(scene.Record(2));
        await next.ReceiveAsync(scene.Record(3));

        await next.WorkOffAsync(await next.EventuallyDueAsync());
        await next.ReceiveAsync(scene.Record(4));
        Assert.Equal("1 2 3 4", await scene.EffectsAsync());
        Assert.Empty(await scene.ParkedAsync());
    }

    [Fact]
    public async Task Its_late_failure_counts_no_attempt_back_and_moves_no_due_time()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (former, next) = (await scene.AddAsync(Fail), await scene.AddAsync(Fail));
        await former.ReceiveAsync(scene.Record(1));
        var late = await former.FirstAsync(await former.EventuallyDueAsync());
        await next.TakeOverAsync();
        await next.TryAsync((await next.FirstAsync(await next.EventuallyDueAsync()))!);
        await next.TryAsync((await next.FirstAsync(await next.EventuallyDueAsync()))!);
        var before = Assert.Single(await scene.ParkedAsync());
        Assert.Equal(3, before.Attempts);

        await former.TryAsync(late!);

        var after = Assert.Single(await scene.ParkedAsync());
        Assert.Equal((before.Attempts, before.DueAt, before.LastFailedAt), (after.Attempts, after.DueAt, after.LastFailedAt));
    }

    [Fact]
    public async Task A_parked_record_that_has_its_outcome_it_does_not_run()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var isMended = false;
        var (former, next) = (await scene.AddAsync(h => isMended ? Apply(h) : Fail(h)), await scene.AddAsync(Apply));
        await former.ReceiveAsync(scene.Record(1));
        await former.ReceiveAsync(scene.Record(2));
        var late = await former.FirstAsync(await former.EventuallyDueAsync());
        await next.TakeOverAsync();
        await next.WorkOffAsync(await next.EventuallyDueAsync());
        isMended = true;

        await former.TryAsync(late!);

        Assert.Single(former.Script.Seen);
        Assert.Equal("1 2", await scene.EffectsAsync());
    }

    [Fact]
    public async Task A_dead_letter_that_it_writes_late_is_not_written()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (former, next) = (await scene.AddAsync(), await scene.AddAsync(Apply));
        await next.TakeOverAsync();
        await next.ReceiveAsync(scene.Record(1));

        Assert.Equal(InboxOutcome.Done, await WriteDeadLetterAsync(former, scene, 1, row: null));

        Assert.Empty(await scene.DeadLettersAsync());
        Assert.Equal("1:Done", await scene.OutcomesAsync());
    }

    [Fact]
    public async Task A_dead_letter_that_it_writes_in_time_is_the_outcome_for_the_new_owner_whose_key_goes_on()
    {
        await using var scene = await TwoOwners.OpenAsync(databases, parkedAttempts: 0);
        var (former, next) = (await scene.AddAsync(Fail), await scene.AddAsync(Apply));
        await next.TakeOverAsync();
        await former.ReceiveAsync(scene.Record(1));

        await next.ReceiveAsync(scene.Record(1));
        await next.ReceiveAsync(scene.Record(2));

        Assert.Equal("2", await scene.EffectsAsync());
        Assert.Single(await scene.DeadLettersAsync());
        Assert.Equal("1:Dead 2:Done", await scene.OutcomesAsync());
    }

    [Fact]
    public async Task A_dead_letter_that_it_makes_late_of_a_parked_record_is_not_written()
    {
        await using var scene = await TwoOwners.OpenAsync(databases, parkedAttempts: 1);
        var (former, next) = (await scene.AddAsync(Fail), await scene.AddAsync(Apply));
        await former.ReceiveAsync(scene.Record(1));
        await former.ReceiveAsync(scene.Record(2));
        var late = await former.FirstAsync(await former.EventuallyDueAsync());
        await next.TakeOverAsync();
        await next.WorkOffAsync(await next.EventuallyDueAsync());

        await WriteDeadLetterAsync(former, scene, 1, late);

        Assert.Empty(await scene.DeadLettersAsync());
        Assert.Equal("1:Done 2:Done", await scene.OutcomesAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_record_that_was_replayed_meanwhile_is_not_its_own_any_more(bool succeeds)
    {
        await using var scene = await TwoOwners.OpenAsync(databases, parkedAttempts: 1);
        var isFrozen = false;
        var former = await scene.AddAsync(h => isFrozen && succeeds ? Apply(h) : Fail(h));
        var isMended = false;
        var next = await scene.AddAsync(h => h.Number != 1 || isMended ? Apply(h) : Fail(h));
        await former.ReceiveAsync(scene.Record(1));
        var late = await former.FirstAsync(await former.EventuallyDueAsync());
        isFrozen = true;
        await next.TakeOverAsync();
        await next.WorkOffAsync(await next.EventuallyDueAsync());
        Assert.Single(await scene.DeadLettersAsync());
        // As a replay does: the letter becomes a parked row again.
        await scene.ExecuteAsync("""
            INSERT INTO retry_messages (consumer_group, consumer, source, event_id, type, topic, kafka_partition, kafka_offset, record_timestamp, key, headers, payload,
                attempts, first_failed_at, last_failed_at, replay_count, created_at, key_hash, due_at)
            SELECT consumer_group, consumer, source, event_id, type, topic, kafka_partition, kafka_offset, record_timestamp, key, headers, payload,
                0, first_failed_at, last_failed_at, 1, created_at,
            """ + $"{ParkedKey.Hash("a"u8.ToArray())}, '2020-01-01 00:00:00' FROM dead_letters; DELETE FROM dead_letters; UPDATE inbox_messages SET outcome = {(short)InboxOutcome.Parked}");

        await former.TryAsync(late!);

        Assert.Equal("", await scene.EffectsAsync());
        Assert.Empty(await scene.DeadLettersAsync());
        Assert.Equal("1:Parked", await scene.OutcomesAsync());
        isMended = true;
        await next.WorkOffAsync(await next.EventuallyDueAsync());
        Assert.Equal("1", await scene.EffectsAsync());
        Assert.Empty(await scene.ParkedAsync());
    }

    [Fact]
    public async Task A_row_that_it_left_at_the_head_stays_due_for_whoever_thinks_it_is_behind_another()
    {
        await using var scene = await TwoOwners.OpenAsync(databases, delay: "01:00:00");
        var (former, next) = (await scene.AddAsync(Fail), await scene.AddAsync(Apply));
        await former.ReceiveAsync(scene.Record(1));
        await former.ReceiveAsync(scene.Record(2));
        // As a person does who wants a row behind another one tried again.
        await scene.ExecuteAsync("UPDATE retry_messages SET due_at = '2020-01-01 00:00:00' WHERE kafka_offset = 2");
        var first = (await next.Store.FirstAsync(next.Settings.Group, await next.EventuallyDueAsync(), default))!;
        Assert.False(first.IsDue);

        await former.Store.SettleAsync(first, InboxOutcome.Done, default);
        await next.Store.QueueAsync(first, default);

        Assert.Equal(2, Assert.Single(await scene.ParkedAsync(), row => row.DueAt is not null).KafkaOffset);
    }

    [Fact]
    public async Task Several_rows_of_a_key_that_are_due_are_brought_in_line_behind_the_first()
    {
        await using var scene = await TwoOwners.OpenAsync(databases, delay: "01:00:00");
        var owner = await scene.AddAsync(Fail);
        await owner.ReceiveAsync(scene.Record(1));
        await owner.ReceiveAsync(scene.Record(2));
        await scene.ExecuteAsync("UPDATE retry_messages SET due_at = '2020-01-01 00:00:00' WHERE kafka_offset = 2");

        Assert.Null(await owner.FirstAsync(await owner.EventuallyDueAsync()));

        Assert.Empty(await owner.DueAsync());
        Assert.Equal(1, Assert.Single(await scene.ParkedAsync(), row => row.DueAt is not null).KafkaOffset);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_dead_letter_whose_commit_was_not_answered_is_written_once(bool isParked)
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var owner = await scene.AddAsync(Fail);
        ParkedRow? row = null;
        if (isParked)
        {
            await owner.ReceiveAsync(scene.Record(1));
            await owner.ReceiveAsync(scene.Record(2));
            row = await owner.FirstAsync(await owner.EventuallyDueAsync());
        }

        Assert.Null(await WriteDeadLetterAsync(owner, scene, 1, row));
        Assert.NotNull(await WriteDeadLetterAsync(owner, scene, 1, row));

        Assert.Single(await scene.DeadLettersAsync());
        Assert.Single(await scene.Database.AskAsync<ShopContext, List<OutboxMessage>>(db => db.Set<OutboxMessage>().AsNoTracking().ToListAsync()));
        Assert.Equal(isParked ? "1:Dead 2:Parked" : "1:Dead", await scene.OutcomesAsync());
        Assert.All(await scene.ParkedAsync(), parked => Assert.NotNull(parked.DueAt));
    }

    [Fact]
    public async Task A_parking_whose_commit_was_not_answered_parks_once_and_holds_the_key()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var owner = await scene.AddAsync(Fail);
        // The first time, as far as the database is concerned.
        await owner.Store.ParkAsync(owner.Read(scene.Record(1)), KeyOf(owner, scene, 1), FailureOf(owner), TimeSpan.Zero, default);

        await owner.ReceiveAsync(scene.Record(1));

        Assert.True(owner.Holds("a"));
        Assert.NotNull(Assert.Single(await scene.ParkedAsync()).DueAt);
    }

    [Fact]
    public async Task An_empty_key_is_a_key()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var isMended = false;
        var owner = await scene.AddAsync(h => isMended ? Apply(h) : Fail(h));
        await owner.ReceiveAsync(scene.Record(1, ""));
        await owner.ReceiveAsync(scene.Record(2, ""));
        Assert.Single(owner.Script.Seen);
        isMended = true;

        await (await (await scene.AddAsync(Apply)).TakeOverAsync()).WorkOffAsync(await owner.EventuallyDueAsync());

        Assert.Equal("1 2", await scene.EffectsAsync());
        Assert.Empty(await scene.ParkedAsync());
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private static Task Fail(Handling handling) => throw new InvalidOperationException("no paper");

    private static InboxKey KeyOf(OwnerHand owner, TwoOwners scene, int number)
    {
        var incoming = owner.Read(scene.Record(number));
        return new InboxKey(owner.Settings.Group, owner.Settings.Name, incoming.StoredSource, incoming.StoredId);
    }

    private static Failure FailureOf(OwnerHand owner) =>
        new(new InvalidOperationException("no paper"), owner.Settings.Options.Attempts, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);

    private static Task<InboxOutcome?> WriteDeadLetterAsync(OwnerHand owner, TwoOwners scene, int number, ParkedRow? row) =>
        owner.DeadLetters.WriteAsync(owner.Read(scene.Record(number)), KeyOf(owner, scene, number), FailureOf(owner), null, row, default);
}

public sealed class Former_owner_on_PostgreSQL(PostgresFixture databases) : FormerOwnerTests(databases);

public sealed class Former_owner_on_SQLite(SqliteFixture databases) : FormerOwnerTests(databases);
