using System.Data.Common;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>The connection is cut at the COMMIT: only the database knows what came of it.</summary>
public abstract class UnknownCommitTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_event_is_sent_if_and_only_if_its_commit_took_effect(bool tookEffect)
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var cut = new CutCommit(tookEffect);
        var shop = await scene.Bus.StartAsync<ShopContext>(
            "shop", scene.Database, services: services => services.ConfigureDbContext<ShopContext>(options => options.AddInterceptors(cut)));

        // SQLite's provider finds out itself when EF rolls back.
        await Assert.ThrowsAnyAsync<Exception>(() => ChangeAsync(shop, 1));
        await ChangeAsync(shop, 2);

        await scene.EventuallySentAsync("a", tookEffect ? [1, 2] : [2]);
        await scene.EventuallyEmptyAsync();
        Assert.Equal(tookEffect ? 2 : 1, await scene.Database.AskAsync<ShopContext, int>(db => db.Orders.CountAsync()));
    }

    private static Task ChangeAsync(TestService shop, int number) => shop.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<ShopContext>();
        db.Orders.Add(new Order { Id = $"{number}" });
        await db.PublishAsync(new OrderPlaced("a", number));
        await db.SaveChangesAsync();
    });

    /// <summary>Cuts the first commit: before the database has it, or before its answer arrives.</summary>
    private sealed class CutCommit(bool tookEffect) : DbTransactionInterceptor
    {
        private bool _isCut;

        public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
            DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        {
            if (_isCut)
            {
                return result;
            }

            _isCut = true;
            if (tookEffect)
            {
                await using var commit = transaction.Connection!.CreateCommand();
                commit.CommandText = "COMMIT";
                await commit.ExecuteNonQueryAsync(cancellationToken);
            }

            throw new IOException("The connection was cut.");
        }
    }
}

public sealed class Unknown_commit_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : UnknownCommitTests(kafka, databases);

public sealed class Unknown_commit_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : UnknownCommitTests(kafka, databases);
