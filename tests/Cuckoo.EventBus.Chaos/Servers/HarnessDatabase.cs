using Npgsql;

namespace Cuckoo.EventBus.Chaos.Servers;

/// <summary>A run's database as the harness sees it: by SQL, and by connections that nobody cuts.</summary>
internal sealed class HarnessDatabase(NpgsqlConnectionStringBuilder connection)
{
    public int Port => connection.Port;

    /// <summary>Not pooled: a connection kept from before the database's restart would be broken.</summary>
    public string ConnectionString { get; } = new NpgsqlConnectionStringBuilder(connection.ConnectionString) { Pooling = false }.ConnectionString;

    /// <summary>For a worker, perhaps through a proxy.</summary>
    public string ConnectionStringFor(int port) => new NpgsqlConnectionStringBuilder(connection.ConnectionString) { Port = port }.ConnectionString;

    /// <summary>How many rows a statement finds that begins with this: <c>FROM …</c>.</summary>
    public async Task<long> CountAsync(string from, CancellationToken ct) => (await RowsAsync($"SELECT count(*) {from}", r => r.GetInt64(0), ct))[0];

    public async Task<List<T>> RowsAsync<T>(string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(row(reader));
        }

        return rows;
    }
}
