using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>A handler's transaction does not outlive its process's ability to end it.</summary>
public sealed class FrozenHandlerTests(KafkaFixture kafka, PostgresFixture databases)
{
    private const string Setting = "SELECT current_setting('idle_in_transaction_session_timeout') AS \"Value\"";

    [Theory]
    [InlineData("0", "40s")]
    [InlineData("7min", "40s")]
    [InlineData("33s", "33s")]
    public async Task The_server_may_end_it_when_it_stands_longer_than_a_handler_may_take_or_sooner_if_it_is_told_so(string own, string expected)
    {
        var seen = "";
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = async h =>
        {
            if (h.Number == 2)
            {
                seen = await h.Db.Database.SqlQueryRaw<string>(Setting).SingleAsync();
            }

            h.AddEffect();
        });
        await using (var connection = new NpgsqlConnection(warehouse.Database.ConnectionString))
        {
            await connection.OpenAsync();
            var name = new NpgsqlConnectionStringBuilder(warehouse.Database.ConnectionString).Database!;
            await using var command = new NpgsqlCommand($"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '{own}'", connection);
            await command.ExecuteNonQueryAsync();
            NpgsqlConnection.ClearPool(connection);
        }

        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal(expected, seen);
        Assert.Equal(own, await warehouse.Database.AskAsync<ShopContext, string>(db => db.Database.SqlQueryRaw<string>(Setting).SingleAsync()));
    }

    [Fact]
    public async Task One_that_is_frozen_loses_its_transaction_and_with_it_what_it_holds()
    {
        var thaw = new TaskCompletionSource();
        var isFrozen = new TaskCompletionSource();
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
            {
                Warehouse.Quick(o);
                o.AttemptTimeout = TimeSpan.FromSeconds(1);
            }),
            script: script => script[Warehouse.Ship] = async h =>
            {
                if (isFrozen.TrySetResult())
                {
                    await thaw.Task;
                }

                h.AddEffect();
            });

        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Ends(isFrozen.Task);

        Assert.Equal(1, await OpenTransactionsAsync(warehouse));
        await Eventually.Equal(0, () => OpenTransactionsAsync(warehouse));

        // What it does afterwards has no effect, and the record is tried again.
        thaw.SetResult();
        await warehouse.EventuallyNumbersAsync(1);
    }

    private static Task<int> OpenTransactionsAsync(Warehouse warehouse) => warehouse.Database.AskAsync<ShopContext, int>(db =>
        db.Database.SqlQueryRaw<int>("SELECT count(*)::int AS \"Value\" FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'").SingleAsync());
}
