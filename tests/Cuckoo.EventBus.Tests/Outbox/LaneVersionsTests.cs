using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Tests.Storage;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>While a transaction anywhere is older, no version of a lane's row can be removed; a claim must not walk through them.</summary>
public sealed class Lane_versions_on_PostgreSQL(PostgresFixture databases)
{
    private const int Claims = 10_000;
    private const string FirstLane = "0::smallint";

    /// <summary>The versions of one lane alone are on some hundred pages.</summary>
    private const int MostPages = 60;

    [Fact]
    public async Task A_claim_finds_its_lane_at_once_after_many_claims_under_a_held_transaction()
    {
        await using var shop = await Shop.OpenAsync(databases);
        await using var held = new NpgsqlConnection(shop.Database.ConnectionString);
        await held.OpenAsync();
        await using var transaction = await held.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await QueryPlan.ExecuteAsync(held, "SELECT count(*) FROM outbox_lanes");
        await using var connection = new NpgsqlConnection(shop.Database.ConnectionString);
        await connection.OpenAsync();

        var claim = Claim(shop);
        await QueryPlan.ExecuteAsync(connection, $"DO $$ BEGIN FOR i IN 1..{Claims} LOOP {claim.Replace(FirstLane, "(i % 16)::smallint", StringComparison.Ordinal)} COMMIT; END LOOP; END $$");
        await QueryPlan.ExecuteAsync(connection, "ANALYZE outbox_lanes");

        var plan = (await QueryPlan.OfAsync(connection, claim)).Root;
        var pages = plan.GetProperty("Shared Hit Blocks").GetInt64() + plan.GetProperty("Shared Read Blocks").GetInt64();
        Assert.True(pages <= MostPages, $"The claim looked at {pages} pages: {plan}");
    }

    /// <summary>The relay's own statement, without what it returns.</summary>
    private static string Claim(Shop shop)
    {
        var database = shop.Service.Services.GetRequiredService<EventBusDatabases>().Find(typeof(ShopContext))!;
        var statement = new LaneSql(database.Layout).ClaimAndRead(asksWriters: false).Split("RETURNING")[0];
        return statement
            .Replace("@lane", FirstLane, StringComparison.Ordinal)
            .Replace("@owner", "'one'", StringComparison.Ordinal)
            .Replace("@lease", "5.0", StringComparison.Ordinal)
            .Replace("@reset", "FALSE", StringComparison.Ordinal) + ";";
    }
}
