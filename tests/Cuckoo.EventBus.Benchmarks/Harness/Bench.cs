using Cuckoo.EventBus.Benchmarks.HandWritten;
using Cuckoo.EventBus.Benchmarks.Sample;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Broker and database of a run, and places on them for the sides.</summary>
internal sealed class Bench : IAsyncDisposable
{
    /// <summary>Who the sides are in the database: no superuser, and told from the harness in the statistics of statements.</summary>
    public const string ServiceRole = "bench_service";

    private const string Template = "bench_template";

    /// <summary>Statements that a connection prepares by itself when it has run them some times.</summary>
    private const int AutoPrepare = 50;

    /// <summary>Until the broker's code is compiled; the first side measured would pay for it.</summary>
    private const int WarmUpEvents = 300_000;

    /// <summary>As durable as PostgreSQL is by default, with room enough that checkpoints and caches decide nothing.</summary>
    private static readonly Dictionary<string, string> Settings = new()
    {
        ["fsync"] = "on",
        ["synchronous_commit"] = "on",
        ["full_page_writes"] = "on",
        ["shared_buffers"] = "2GB",
        ["max_wal_size"] = "8GB",
        ["checkpoint_timeout"] = "30min",
        ["shared_preload_libraries"] = "pg_stat_statements",
    };

    private readonly KafkaFixture _kafka;
    private int _targets;

    private Bench(BenchOptions options, KafkaFixture kafka, KafkaBroker broker, PostgresServer postgres)
    {
        Options = options;
        _kafka = kafka;
        Kafka = broker;
        Postgres = postgres;
    }

    public BenchOptions Options { get; }

    public KafkaBroker Kafka { get; }

    public PostgresServer Postgres { get; }

    /// <exception cref="MeasureFailedException">The machine lacks something.</exception>
    public static async Task<Bench> StartAsync(BenchOptions options)
    {
        var kafka = new KafkaFixture();
        var broker = await kafka.Broker;
        if (!broker.IsReal)
        {
            await kafka.DisposeAsync();
            throw new MeasureFailedException("No Kafka: set KAFKA_HOME to a distribution of Apache Kafka, or EVENTBUS_TEST_KAFKA to a broker.");
        }

        var postgres = await PostgresServer.FindOrStartAsync(Settings);
        if (postgres is null)
        {
            await kafka.DisposeAsync();
            throw new MeasureFailedException("No PostgreSQL: install its server (Debian: postgresql), or set EVENTBUS_TEST_POSTGRES to a connection string.");
        }

        var bench = new Bench(options, kafka, broker, postgres);
        try
        {
            await bench.CreateTemplateAsync();
            await bench.WarmUpAsync();
            return bench;
        }
        catch
        {
            await bench.DisposeAsync();
            throw;
        }
    }

    /// <summary>Progress, beside the report.</summary>
    public static void Say(string text) => Console.Error.WriteLine($"  {text}");

    /// <summary>A database and a topic that nobody has used.</summary>
    /// <param name="hasAppendTimes">Whether the broker stamps records with the time when it appended them.</param>
    public async Task<Target> NewTargetAsync(bool hasAppendTimes = false)
    {
        var name = $"bench_{++_targets}";
        await Postgres.ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {Template} OWNER {ServiceRole}");
        var target = new Target(this, name, $"{Guid.NewGuid().ToString("N")[..8]}-");
        await Kafka.CreateTopicAsync(
            target.ForSide.Topic, Target.Partitions, hasAppendTimes ? new() { ["message.timestamp.type"] = "LogAppendTime" } : null);
        return target;
    }

    /// <summary>What the servers are, for the report.</summary>
    public async Task<IReadOnlyDictionary<string, string>> DescribeAsync()
    {
        await using var connection = new NpgsqlConnection(Postgres.ConnectionString);
        await connection.OpenAsync();
        var description = new Dictionary<string, string> { ["postgresql"] = connection.PostgreSqlVersion.ToString() };
        foreach (var setting in Settings.Keys)
        {
            await using var show = new NpgsqlCommand($"SHOW {setting}", connection);
            description[setting] = (string)(await show.ExecuteScalarAsync())!;
        }

        return description;
    }

    /// <summary>The same server, as another user of another database.</summary>
    public string Connection(string database, string? user = null)
    {
        var connection = new NpgsqlConnectionStringBuilder(Postgres.ConnectionString) { Database = database };
        connection.Username = user ?? connection.Username;
        // What the guide advises a service, and what loops by hand do for themselves.
        connection.MaxAutoPrepare = AutoPrepare;
        return connection.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        await Postgres.DisposeAsync();
        await _kafka.DisposeAsync();
    }

    private async Task CreateTemplateAsync()
    {
        await Postgres.ExecuteAsync($"DROP DATABASE IF EXISTS {Template}");
        await Postgres.ExecuteAsync($"DROP ROLE IF EXISTS {ServiceRole}; CREATE ROLE {ServiceRole} LOGIN CREATEDB");
        await Postgres.ExecuteAsync("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
        // Not pooled: a template is copied only while nobody is connected to it.
        var connection = Connection(Template, ServiceRole) + ";Pooling=false";
        await using var context = new BenchContext(new DbContextOptionsBuilder<BenchContext>().UseNpgsql(connection).Options);
        await context.Database.EnsureCreatedAsync();
        await context.Database.ExecuteSqlRawAsync(OutboxTable.Create);
        await context.Database.ExecuteSqlRawAsync(InboxTable.Create);
    }

    private async Task WarmUpAsync()
    {
        await using var target = await NewTargetAsync();
        await using var side = SideProcess.Start(Sides.SideKind.RawProducer);
        await side.StartAsync(target.ForSide);
        await side.RunAsync(new Sides.SideWork { Count = Math.Min(WarmUpEvents, Options.Rows ?? WarmUpEvents) });
        await side.StopAsync();
    }
}
