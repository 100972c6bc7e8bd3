using Cuckoo.EventBus.Benchmarks.Sides;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>A database and a topic of one side's one round.</summary>
internal sealed class Target(Bench bench, string database, string prefix) : IAsyncDisposable
{
    /// <summary>Of the topic.</summary>
    public const int Partitions = 12;

    public string Database => database;

    /// <summary>For the harness, as the server's owner.</summary>
    public string ConnectionString { get; } = bench.Connection(database);

    public SideTarget ForSide { get; } = new(bench.Kafka.BootstrapServers, bench.Connection(database, Bench.ServiceRole), prefix, LingerMs: bench.Options.LingerMs);

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T> AskAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await bench.Postgres.ExecuteAsync($"DROP DATABASE {database} WITH (FORCE)");
        await bench.Kafka.Admin.DeleteTopicsAsync([ForSide.Topic]);
    }
}
