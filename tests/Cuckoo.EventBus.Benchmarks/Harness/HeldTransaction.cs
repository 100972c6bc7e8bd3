using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>A transaction that somebody forgot: while it is open, vacuum removes nothing that was deleted after its start.</summary>
internal sealed class HeldTransaction : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;

    private HeldTransaction(NpgsqlConnection connection) => _connection = connection;

    /// <summary>One that has only read, with a snapshot as a report or a backup holds it.</summary>
    public static Task<HeldTransaction> ReadAsync(Target target) =>
        BeginAsync(target, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders");

    /// <summary>One that has written another table, and so has an id.</summary>
    public static Task<HeldTransaction> WriteAsync(Target target) =>
        BeginAsync(target, "BEGIN; INSERT INTO orders (\"Id\", \"Customer\", \"Total\", \"PlacedAt\") VALUES (gen_random_uuid(), 'held', 1, now())");

    public async ValueTask DisposeAsync() => await _connection.DisposeAsync();

    private static async Task<HeldTransaction> BeginAsync(Target target, string sql)
    {
        // Not pooled: with its connection the transaction ends.
        var connection = new NpgsqlConnection(target.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
        return new HeldTransaction(connection);
    }
}
