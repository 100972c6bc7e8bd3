using System.Data.Common;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>A handler's commit answers with an error at its last attempt: only the database knows what came of it.</summary>
public abstract class UnknownHandlerCommitTests(DatabaseFixture databases)
{
    [Theory]
    [InlineData(false, 0, "1:Dead 2:Done")]
    [InlineData(true, 0, "1:Done 2:Done")]
    [InlineData(false, 5, "1:Parked 2:Parked")]
    [InlineData(true, 5, "1:Done 2:Done")]
    public async Task A_record_is_given_up_or_parked_only_if_its_effect_did_not_take_place(bool tookEffect, int parkedAttempts, string outcomes)
    {
        await using var scene = await TwoOwners.OpenAsync(databases, parkedAttempts, delay: "01:00:00");
        var cut = new CutCommit(tookEffect) { IsOn = true };
        var owner = await scene.AddAsync(Apply, services => services.ConfigureDbContext<ShopContext>(options => options.AddInterceptors(cut)));

        await owner.ReceiveAsync(scene.Record(1));
        await owner.ReceiveAsync(scene.Record(2));

        Assert.Equal(outcomes, await scene.OutcomesAsync());
        Assert.Equal(tookEffect ? "1 2" : parkedAttempts == 0 ? "2" : "", await scene.EffectsAsync());
        Assert.Equal(!tookEffect && parkedAttempts == 0 ? 1 : 0, (await scene.DeadLettersAsync()).Count);
    }

    [Theory]
    [InlineData(false, 1, "1:Dead 2:Done")]
    [InlineData(true, 1, "1:Done 2:Done")]
    [InlineData(false, 5, "1:Parked 2:Parked")]
    [InlineData(true, 5, "1:Done 2:Done")]
    public async Task So_is_a_parked_one_and_its_key_goes_on_behind_it(bool tookEffect, int parkedAttempts, string outcomes)
    {
        await using var scene = await TwoOwners.OpenAsync(databases, parkedAttempts);
        var cut = new CutCommit(tookEffect);
        var isMended = false;
        var owner = await scene.AddAsync(
            h => isMended ? Apply(h) : throw new InvalidOperationException("no paper"),
            services => services.ConfigureDbContext<ShopContext>(options => options.AddInterceptors(cut)));
        await owner.ReceiveAsync(scene.Record(1));
        await owner.ReceiveAsync(scene.Record(2));
        var row = await owner.FirstAsync(await owner.EventuallyDueAsync());
        (isMended, cut.IsOn) = (true, true);

        await owner.TryAsync(row!);
        if (await owner.DueAsync() is [{ } next] && next.Id != row!.Id)
        {
            await owner.WorkOffAsync(next);
        }

        Assert.Equal(outcomes, await scene.OutcomesAsync());
        Assert.Equal(tookEffect ? "1 2" : parkedAttempts == 1 ? "2" : "", await scene.EffectsAsync());
        Assert.Equal(!tookEffect && parkedAttempts == 1 ? 1 : 0, (await scene.DeadLettersAsync()).Count);
        // The attempt counts, and once.
        Assert.Equal(!tookEffect && parkedAttempts == 5 ? 2 : 0, (await scene.ParkedAsync()).Sum(parked => parked.Attempts));
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    /// <summary>Cuts one commit: before the database has it, or before its answer arrives.</summary>
    private sealed class CutCommit(bool tookEffect) : DbTransactionInterceptor
    {
        public bool IsOn { get; set; }

        public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
            DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        {
            if (!IsOn)
            {
                return result;
            }

            IsOn = false;
            if (tookEffect)
            {
                await using var commit = transaction.Connection!.CreateCommand();
                commit.CommandText = "COMMIT";
                await commit.ExecuteNonQueryAsync(cancellationToken);
            }

            // The database answers whoever asks, so this is the record's own trouble.
            throw new NpgsqlException("The connection was cut.");
        }
    }
}

public sealed class Unknown_handler_commit_on_PostgreSQL(PostgresFixture databases) : UnknownHandlerCommitTests(databases);

public sealed class Unknown_handler_commit_on_SQLite(SqliteFixture databases) : UnknownHandlerCommitTests(databases);
