namespace Samples.Tests.Shop;

/// <summary>The four services on Kafka and PostgreSQL, started by the first test that asks for them.</summary>
public sealed class ShopServices(KafkaFixture kafka, PostgresFixture postgres) : IAsyncLifetime
{
    private readonly string _databases = $"shop_{Guid.NewGuid().ToString("N")[..8]}";
    private Task<ShopProcesses>? _running;
    private PostgresServer? _server;

    /// <param name="settings">What a service is told besides; the first one's count.</param>
    internal Task<ShopProcesses> RunningAsync(Func<string, IReadOnlyDictionary<string, string>>? settings = null) => _running ??= StartAsync(settings);

    internal string ConnectionString(string service) =>
        new Npgsql.NpgsqlConnectionStringBuilder(_server!.ConnectionString) { Database = $"{_databases}_{service}" }.ConnectionString;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_running is { IsCompletedSuccessfully: true })
        {
            await (await _running).DisposeAsync();
        }

        foreach (var service in _server is null ? [] : ShopProcesses.Names)
        {
            await _server!.ExecuteAsync($"DROP DATABASE IF EXISTS {_databases}_{service} WITH (FORCE)");
        }
    }

    private async Task<ShopProcesses> StartAsync(Func<string, IReadOnlyDictionary<string, string>>? settings)
    {
        var broker = await kafka.Broker;
        broker.RequireReal("services in processes of their own");
        // The services create their databases.
        _server = await postgres.ServerAsync();
        return await ShopProcesses.StartAsync(broker, ConnectionString, settings);
    }
}
