using System.Data.Common;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>The connection is lost between EF's last command of a save and the outbox's.</summary>
public sealed class Lost_connection_on_PostgreSQL(PostgresFixture databases)
{
    [Fact]
    public async Task It_is_a_failed_save()
    {
        await using var shop = await OpenAsync(retrying: false);

        // Npgsql's own strategy, which does not retry, says around it that a retrying one would.
        var transient = await Assert.ThrowsAsync<InvalidOperationException>(() => PlaceAsync(shop));

        var lost = Assert.IsType<DbUpdateException>(transient.InnerException);
        Assert.Contains("run it again", lost.Message, StringComparison.Ordinal);
        Assert.Empty(await shop.OrdersAsync());
        Assert.Empty(await shop.PublishedAsync());
    }

    [Fact]
    public async Task A_retrying_strategy_runs_the_transaction_again()
    {
        await using var shop = await OpenAsync(retrying: true);

        await PlaceAsync(shop);

        Assert.Equal(["a"], await shop.OrdersAsync());
        Assert.Equal([1], await shop.PublishedAsync());
    }

    private static Task PlaceAsync(Shop shop) => shop.RequestAsync((db, events) => db.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
    {
        db.ChangeTracker.Clear();
        await using var transaction = await db.Database.BeginTransactionAsync();
        db.Orders.Add(new Order { Id = "a" });
        await events.PublishAsync(new OrderPlaced("a", 1));
        await db.SaveChangesAsync();
        await transaction.CommitAsync();
    }));

    private Task<Shop> OpenAsync(bool retrying) => Shop.OpenAsync(databases, (services, database) =>
    {
        var cut = new CutSavepoint(database.ConnectionString);
        services.AddCuckooEventBus(bus => bus.UseOutbox<ShopContext>());
        services.AddDbContext<ShopContext>(options => database.Configure(options, retrying: retrying));
        services.ConfigureDbContext<ShopContext>(options => options.AddInterceptors(cut));
    });

    /// <summary>Ends the server's process of the first connection that releases a savepoint.</summary>
    private sealed class CutSavepoint(string connectionString) : DbTransactionInterceptor
    {
        private bool _isCut;

        public override async ValueTask<InterceptionResult> ReleasingSavepointAsync(
            DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        {
            if (_isCut)
            {
                return result;
            }

            _isCut = true;
            await using var other = new NpgsqlConnection(connectionString);
            await other.OpenAsync(cancellationToken);
            await using var end = new NpgsqlCommand("SELECT pg_terminate_backend($1)", other) { Parameters = { new() { Value = ((NpgsqlConnection)transaction.Connection!).ProcessID } } };
            await end.ExecuteNonQueryAsync(cancellationToken);
            return result;
        }
    }
}
