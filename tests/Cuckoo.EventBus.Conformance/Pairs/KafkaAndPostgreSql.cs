using Npgsql;

namespace Cuckoo.EventBus.Conformance.Pairs;

/// <summary>Apache Kafka and PostgreSQL: what services run on.</summary>
public sealed class KafkaAndPostgreSql : Pair
{
    private readonly KafkaFixture _kafka = new();
    private readonly PostgresFixture _databases = new();

    public override Task<KafkaBroker> Broker => RealBrokerAsync();

    public override DatabaseFixture Databases => _databases;

    public override async Task<InterruptibleBroker> StartBrokerAsync()
    {
        if (KafkaProcess.Home is not { } home)
        {
            Requirement.Missing("A broker that goes and comes back: needs Apache Kafka itself. Set KAFKA_HOME to a distribution.");
            throw new InvalidOperationException();
        }

        return await KafkaProcess.StartNewAsync(home);
    }

    /// <summary>The server takes no connections to it, and ends those that there are.</summary>
    public override async Task<IAsyncDisposable> TakeAwayAsync(TestDatabase database)
    {
        var server = await _databases.ServerAsync();
        var name = new NpgsqlConnectionStringBuilder(database.ConnectionString).Database!;
        await server.ExecuteAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        await server.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        return new Absence(server, name);
    }

    protected override async Task DisposeBrokerAsync() => await _kafka.DisposeAsync();

    private async Task<KafkaBroker> RealBrokerAsync()
    {
        var broker = await _kafka.Broker;
        broker.RequireReal("The pair of Kafka and PostgreSQL");
        return broker;
    }

    private sealed class Absence(PostgresServer server, string database) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await server.ExecuteAsync($"ALTER DATABASE {database} ALLOW_CONNECTIONS true");
    }
}
