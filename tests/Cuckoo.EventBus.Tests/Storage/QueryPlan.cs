using System.Text.Json;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Storage;

/// <summary>How PostgreSQL ran a statement.</summary>
internal sealed class QueryPlan(JsonElement root)
{
    public JsonElement Root => root;

    /// <summary>The steps that look at one of these tables.</summary>
    public IReadOnlyList<JsonElement> ScansOf(params string[] tables) =>
        [.. Nodes(root).Where(node => node.TryGetProperty("Relation Name", out var table) && tables.Contains(table.GetString()))];

    /// <summary>Runs a statement and tells how.</summary>
    public static async Task<QueryPlan> OfAsync(NpgsqlConnection connection, string statement) =>
        new(JsonDocument.Parse(await ExecuteAsync(connection, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement)).RootElement[0].GetProperty("Plan"));

    /// <summary>Runs any statement.</summary>
    /// <returns>The first value of its result.</returns>
    public static async Task<string> ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 300 };
        return (await command.ExecuteScalarAsync())?.ToString() ?? "";
    }

    /// <summary>Of all runs of a step, with those that it looked at for nothing.</summary>
    public static double RowsOf(JsonElement scan) =>
        (scan.GetProperty("Actual Rows").GetDouble() + (scan.TryGetProperty("Rows Removed by Filter", out var removed) ? removed.GetDouble() : 0)) * scan.GetProperty("Actual Loops").GetDouble();

    private static IEnumerable<JsonElement> Nodes(JsonElement plan) =>
        plan.TryGetProperty("Plans", out var plans) ? plans.EnumerateArray().SelectMany(Nodes).Prepend(plan) : [plan];
}
