using System.Diagnostics;
using Confluent.Kafka;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A single node of Apache Kafka (KRaft) from the distribution that <c>KAFKA_HOME</c> names.</summary>
public sealed class KafkaProcess : InterruptibleBroker
{
    private readonly string _home;
    private readonly string _folder;
    private readonly int _port;
    private ServerProcess? _server;

    private KafkaProcess(string home, string folder, int port)
    {
        _home = home;
        _folder = folder;
        _port = port;
    }

    /// <summary>The distribution's folder; <see langword="null"/> where none is named.</summary>
    public static string? Home => Environment.GetEnvironmentVariable("KAFKA_HOME") is { Length: > 0 } home ? home : null;

    public override string BootstrapServers => $"127.0.0.1:{_port}";

    public override bool IsReal => true;

    private string SettingsFile => Path.Combine(_folder, "server.properties");

    private Dictionary<string, string> Environs => new()
    {
        // The distribution's own folder need not be writable.
        ["LOG_DIR"] = _folder,
        ["EXTRA_ARGS"] = "-name kafkaServer",
        // Quick to start rather than fast for long.
        ["KAFKA_JVM_PERFORMANCE_OPTS"] = Environment.GetEnvironmentVariable("KAFKA_JVM_PERFORMANCE_OPTS")
            ?? "-server -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+IgnoreUnrecognizedVMOptions",
        ["KAFKA_HEAP_OPTS"] = Environment.GetEnvironmentVariable("KAFKA_HEAP_OPTS") ?? "-Xmx256m",
    };

    public static async Task<KafkaProcess> StartNewAsync(string home)
    {
        var folder = Directory.CreateTempSubdirectory("eventbus-kafka-").FullName;
        var broker = new KafkaProcess(home, folder, ServerProcess.FreePort());
        try
        {
            await File.WriteAllTextAsync(broker.SettingsFile, broker.Settings(ServerProcess.FreePort()));
            await ServerProcess.RunAsync(
                [Path.Combine(home, "bin/kafka-storage.sh"), "format", "-t", Convert.ToBase64String(Guid.NewGuid().ToByteArray())[..22].Replace('+', 'a').Replace('/', 'b'), "-c", broker.SettingsFile],
                broker.Environs);
            await broker.StartAsync();
            return broker;
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }

    public override async Task StartAsync()
    {
        if (_server is { HasExited: false })
        {
            return;
        }

        _server = await ServerProcess.StartAsync([Path.Combine(_home, "bin/kafka-server-start.sh"), SettingsFile], Path.Combine(_folder, "console.log"), Environs);
        var clock = Stopwatch.StartNew();
        while (!Answers(Admin))
        {
            if (_server.HasExited || clock.Elapsed > TimeSpan.FromMinutes(2))
            {
                throw new InvalidOperationException($"Kafka did not start:\n{_server.LogTail()}");
            }
        }
    }

    /// <summary>Stops it in order.</summary>
    public override async Task StopAsync()
    {
        if (_server is not null)
        {
            await _server.StopAsync(PosixSignalNumber.Terminate);
            await _server.DisposeAsync();
            _server = null;
        }
    }

    /// <summary>Kills it.</summary>
    public async Task KillAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
            _server = null;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }

    // The port accepts connections before the broker serves.
    private static bool Answers(IAdminClient admin)
    {
        try
        {
            return admin.GetMetadata(TimeSpan.FromSeconds(1)).Brokers.Count > 0;
        }
        catch (KafkaException)
        {
            return false;
        }
    }

    private string Settings(int controllerPort) =>
        $"""
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:{controllerPort}
        listeners=PLAINTEXT://127.0.0.1:{_port},CONTROLLER://127.0.0.1:{controllerPort}
        advertised.listeners=PLAINTEXT://127.0.0.1:{_port}
        controller.listener.names=CONTROLLER
        log.dirs={_folder}/data
        offsets.topic.replication.factor=1
        offsets.topic.num.partitions=5
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        auto.create.topics.enable=false
        group.initial.rebalance.delay.ms=0
        group.min.session.timeout.ms=1000
        group.consumer.min.heartbeat.interval.ms=100
        group.consumer.heartbeat.interval.ms=200
        group.consumer.min.session.timeout.ms=1000
        group.consumer.session.timeout.ms=6000
        authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
        allow.everyone.if.no.acl.found=true
        """;
}
