using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Counts what the service's role sends, by pg_stat_statements: every statement, BEGIN, COMMIT and a pool's DISCARD too.</summary>
internal sealed class StatementCount(Bench bench)
{
    private const string Condition = $"userid = '{Bench.ServiceRole}'::regrole";

    /// <summary>How many of the most frequent statements are kept beside the figure.</summary>
    private const int Shown = 12;

    public Task ResetAsync() => bench.Postgres.ExecuteAsync("SELECT pg_stat_statements_reset()");

    public async Task<double> SumAsync()
    {
        await using var connection = new NpgsqlConnection(bench.Postgres.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT coalesce(sum(calls), 0)::float8 FROM pg_stat_statements WHERE {Condition}", connection);
        return (double)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>The most frequent statements and their calls.</summary>
    /// <param name="pieces">Where the calls for one of so many pieces of work are asked for.</param>
    /// <param name="shown">How many.</param>
    public async Task<IReadOnlyList<string>> TopAsync(double pieces = 1, int shown = Shown)
    {
        await using var connection = new NpgsqlConnection(bench.Postgres.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            $"SELECT round((calls / {pieces.ToString(System.Globalization.CultureInfo.InvariantCulture)})::numeric, 2) || ' x ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 90) FROM pg_stat_statements WHERE {Condition} ORDER BY calls DESC LIMIT {shown}", connection);
        await using var reader = await command.ExecuteReaderAsync();
        var top = new List<string>();
        while (await reader.ReadAsync())
        {
            top.Add(reader.GetString(0));
        }

        return top;
    }
}
