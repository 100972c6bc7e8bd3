using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>Two owners at the same key in the same instant, which only PostgreSQL allows: transactions are held right before their commit.</summary>
public sealed class OwnersAtOnceTests(PostgresFixture databases)
{
    [Fact]
    public async Task A_record_that_is_parked_behind_while_the_last_row_before_it_goes_is_due()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (former, next, due) = await BeginAsync(scene);
        await using var held = await HoldCommitsAsync(scene, "DELETE");

        var emptying = former.WorkOffAsync(due);
        await Eventually.Equal(1, () => WaitingAsync(scene));
        var arriving = next.ReceiveAsync(scene.Record(2));
        await Eventually.True(async () => arriving.IsCompleted || await WaitingAsync(scene) == 2);
        await held.DisposeAsync();

        await Eventually.Ends(Task.WhenAll(emptying, arriving));
        await AssertBothAsync(scene, next);
    }

    [Fact]
    public async Task The_last_row_goes_while_a_record_is_parked_behind_it_which_is_due_then()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (former, next, due) = await BeginAsync(scene);
        await using var held = await HoldCommitsAsync(scene, "INSERT");

        var arriving = next.ReceiveAsync(scene.Record(2));
        await Eventually.Equal(1, () => WaitingAsync(scene));
        var emptying = former.WorkOffAsync(due);
        await Eventually.True(async () => emptying.IsCompleted || await WaitingAsync(scene) == 2);
        await held.DisposeAsync();

        await Eventually.Ends(Task.WhenAll(emptying, arriving));
        await AssertBothAsync(scene, next);
    }

    [Fact]
    public async Task A_parked_record_runs_at_one_owner_at_a_time_and_has_its_effect_once()
    {
        await using var scene = await TwoOwners.OpenAsync(databases);
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        var isMended = false;
        var former = await scene.AddAsync(async h =>
        {
            if (!isMended)
            {
                throw new InvalidOperationException("no paper");
            }

            h.AddEffect();
            running.SetResult();
            await finish.Task;
        });
        await former.ReceiveAsync(scene.Record(1));
        var due = await former.EventuallyDueAsync();
        isMended = true;
        var frozen = former.WorkOffAsync(due);
        await Eventually.Ends(running.Task);

        var next = await (await scene.AddAsync(Apply)).TakeOverAsync();
        var taking = next.WorkOffAsync(due);
        await Eventually.Equal(1, () => WaitingAsync(scene));
        // What comes after it waits behind it, and for nobody.
        await Eventually.Ends(next.ReceiveAsync(scene.Record(2)));
        Assert.Empty(next.Script.Seen);
        finish.SetResult();

        await Eventually.Ends(Task.WhenAll(frozen, taking));
        await Eventually.True(async () =>
        {
            foreach (var row in await next.DueAsync())
            {
                await next.WorkOffAsync(row);
            }

            return (await scene.ParkedAsync()).Count == 0;
        });
        Assert.Equal("1 2", await scene.EffectsAsync());
        Assert.Equal("1:Done 2:Done", await scene.OutcomesAsync());
    }

    [Fact]
    public async Task A_record_that_was_handled_waits_for_whoever_holds_its_row_and_is_charged_no_attempt()
    {
        await using var scene = await TwoOwners.OpenAsync(databases, parkedAttempts: 1);
        var (_, next, due) = await BeginAsync(scene);
        await using var frozen = await ConnectAsync(scene);
        // As an owner does that hangs while it puts a record behind this one.
        await ExecuteAsync(frozen, "BEGIN; SELECT 1 FROM retry_messages FOR KEY SHARE");

        var handling = next.WorkOffAsync(due);
        await Eventually.True(() => next.Log.Entries.Any(e => e.Id.Name == "Waiting"));
        Assert.Equal("1:Parked", await scene.OutcomesAsync());
        await ExecuteAsync(frozen, "ROLLBACK");

        await Eventually.Ends(handling);
        Assert.Equal("1", await scene.EffectsAsync());
        Assert.Equal("1:Done", await scene.OutcomesAsync());
        Assert.Equal([2], next.Script.Seen.Select(h => h.Context.Attempt).Distinct());
    }

    /// <summary>A key that both owners hold for one parked record.</summary>
    private static async Task<(OwnerHand Former, OwnerHand Next, DueRow Due)> BeginAsync(TwoOwners scene)
    {
        var isMended = false;
        var former = await scene.AddAsync(h => isMended ? Apply(h) : throw new InvalidOperationException("no paper"));
        await former.ReceiveAsync(scene.Record(1));
        var due = await former.EventuallyDueAsync();
        isMended = true;
        return (former, await (await scene.AddAsync(Apply)).TakeOverAsync(), due);
    }

    /// <summary>The second record is due, if the former owner has not gone on with it already.</summary>
    private static async Task AssertBothAsync(TwoOwners scene, OwnerHand next)
    {
        foreach (var left in await next.DueAsync())
        {
            await next.WorkOffAsync(left);
        }

        Assert.Empty(await scene.ParkedAsync());
        Assert.Equal("1 2", await scene.EffectsAsync());
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    /// <summary>Transactions that did this to a parked row wait with their commit until the result is disposed.</summary>
    private static async Task<NpgsqlConnection> HoldCommitsAsync(TwoOwners scene, string operation)
    {
        await scene.ExecuteAsync($$"""
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $hold$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $hold$;
            CREATE CONSTRAINT TRIGGER hold AFTER {{operation}} ON retry_messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold();
            """);
        var connection = await ConnectAsync(scene);
        await ExecuteAsync(connection, "SELECT pg_advisory_lock(42)");
        return connection;
    }

    private static async Task<NpgsqlConnection> ConnectAsync(TwoOwners scene)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(scene.Database.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static Task<int> WaitingAsync(TwoOwners scene) => scene.Database.AskAsync<ShopContext, int>(db =>
        db.Database.SqlQuery<int>($"SELECT count(DISTINCT pid)::int AS \"Value\" FROM pg_locks WHERE NOT granted").SingleAsync());
}
