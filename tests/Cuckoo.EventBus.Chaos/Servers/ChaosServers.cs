using Npgsql;

namespace Cuckoo.EventBus.Chaos.Servers;

/// <summary>The real programs that a run needs, on loopback, in a folder that goes with them.</summary>
internal sealed class ChaosServers : IAsyncDisposable
{
    private bool _isKept;

    private ChaosServers(string folder) => Folder = folder;

    /// <summary>For whatever a run writes.</summary>
    public string Folder { get; }

    public KafkaCluster Kafka { get; private set; } = null!;

    public PostgresServer Postgres { get; private set; } = null!;

    /// <summary><see langword="null"/> where connections are not cut.</summary>
    public Toxiproxy? Network { get; private set; }

    /// <exception cref="ChaosException">The machine lacks one.</exception>
    public static async Task<ChaosServers> StartAsync(Scenario scenario)
    {
        var home = KafkaProcess.Home ?? throw new ChaosException("KAFKA_HOME is not set: it names a distribution of Apache Kafka.");
        var servers = new ChaosServers(Directory.CreateTempSubdirectory("eventbus-chaos-").FullName);
        try
        {
            servers.Network = scenario.CutsConnections ? await Toxiproxy.StartAsync(servers.Folder) : null;
            // The database's promise to keep what it committed is a part of what is tried.
            var postgres = PostgresServer.StartDurableAsync();
            servers.Kafka = await KafkaCluster.StartAsync(home, scenario.Brokers, servers.Folder, servers.Network);
            servers.Postgres = await postgres ?? throw new ChaosException("No PostgreSQL: install its server (Debian: postgresql).");
            return servers;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    /// <summary>Creates a database.</summary>
    public async Task<HarnessDatabase> CreateDatabaseAsync(string name)
    {
        await Postgres.ExecuteAsync($"CREATE DATABASE {name}");
        return new HarnessDatabase(new NpgsqlConnectionStringBuilder(Postgres.ConnectionString) { Database = name });
    }

    /// <summary>Where the workers connect to the database, per slot: a proxy each where connections are cut.</summary>
    public async Task<int[]> WorkerDatabasePortsAsync(int port, int slots)
    {
        var ports = new int[slots];
        for (var slot = 0; slot < slots; slot++)
        {
            ports[slot] = Network is null ? port : await Network.AddAsync(Faults.Targets.DatabaseProxyOf(slot), port);
        }

        return ports;
    }

    /// <summary>Leaves the folder for someone to look into.</summary>
    public string Keep()
    {
        _isKept = true;
        return Folder;
    }

    public async ValueTask DisposeAsync()
    {
        if (Kafka is not null)
        {
            await Kafka.DisposeAsync();
        }

        if (Postgres is not null)
        {
            await Postgres.DisposeAsync();
        }

        if (Network is not null)
        {
            await Network.DisposeAsync();
        }

        if (!_isKept)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}
