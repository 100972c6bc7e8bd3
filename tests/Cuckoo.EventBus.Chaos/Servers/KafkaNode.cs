using System.Diagnostics;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Chaos.Servers;

/// <summary>One node of a cluster, broker and controller in one, that can be killed and started again with its records.</summary>
internal sealed class KafkaNode(int id, string home, string folder, int directPort, int workerPort, int controllerPort) : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    private ServerProcess? _process;

    public int Id { get; } = id;

    /// <summary>Where the harness and the other nodes connect.</summary>
    public string DirectAddress => $"127.0.0.1:{directPort}";

    /// <summary>The listener of the workers' own, so that their connections can be cut without the cluster's.</summary>
    public int WorkerPort => workerPort;

    public string Voter => $"{Id}@127.0.0.1:{controllerPort}";

    /// <summary>For the distribution's programs.</summary>
    public Dictionary<string, string> Environs => new()
    {
        ["LOG_DIR"] = folder,
        ["EXTRA_ARGS"] = "-name kafkaServer",
        // Quick to start rather than fast for long.
        ["KAFKA_JVM_PERFORMANCE_OPTS"] = "-server -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+IgnoreUnrecognizedVMOptions",
        ["KAFKA_HEAP_OPTS"] = "-Xmx256m",
    };

    private string SettingsFile => Path.Combine(folder, "server.properties");

    /// <param name="clusterId">The same for all nodes.</param>
    /// <param name="voters">All nodes.</param>
    /// <param name="advertisedWorkerPort">Where workers find it: a proxy's port, or its own.</param>
    public async Task FormatAsync(string clusterId, string voters, int advertisedWorkerPort)
    {
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(SettingsFile, Settings(voters, advertisedWorkerPort));
        await ServerProcess.RunAsync([Path.Combine(home, "bin/kafka-storage.sh"), "format", "-t", clusterId, "-c", SettingsFile], Environs);
    }

    public async Task StartAsync() =>
        _process = await ServerProcess.StartAsync([Path.Combine(home, "bin/kafka-server-start.sh"), SettingsFile], Path.Combine(folder, "console.log"), Environs);

    /// <summary>Waits until it is one of the cluster again.</summary>
    public async Task AnswersAsync()
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = DirectAddress }).SetLogHandler(static (_, _) => { }).Build();
        var clock = Stopwatch.StartNew();
        while (!await Task.Run(() => Answers(admin)))
        {
            if (_process is not { HasExited: false } || clock.Elapsed > StartLimit)
            {
                throw new ChaosException($"Kafka's node {Id} did not start:\n{_process?.LogTail()}");
            }
        }
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }

    public async ValueTask DisposeAsync() => await KillAsync();

    private bool Answers(IAdminClient admin)
    {
        try
        {
            return admin.GetMetadata(TimeSpan.FromSeconds(1)).Brokers.Exists(b => b.BrokerId == Id);
        }
        catch (KafkaException)
        {
            return false;
        }
    }

    private string Settings(string voters, int advertisedWorkerPort) =>
        $"""
        process.roles=broker,controller
        node.id={Id}
        controller.quorum.voters={voters}
        listeners=DIRECT://127.0.0.1:{directPort},WORKERS://127.0.0.1:{workerPort},CONTROLLER://127.0.0.1:{controllerPort}
        advertised.listeners=DIRECT://127.0.0.1:{directPort},WORKERS://127.0.0.1:{advertisedWorkerPort}
        listener.security.protocol.map=DIRECT:PLAINTEXT,WORKERS:PLAINTEXT,CONTROLLER:PLAINTEXT
        inter.broker.listener.name=DIRECT
        controller.listener.names=CONTROLLER
        log.dirs={folder}/data
        auto.create.topics.enable=false
        unclean.leader.election.enable=false
        offsets.topic.replication.factor={voters.Split(',').Length}
        offsets.topic.num.partitions=1
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        # A dead broker's partitions move on in 3 s rather than 9: a run is short.
        broker.session.timeout.ms=3000
        broker.heartbeat.interval.ms=500
        # And a dead consumer's partitions in 4 s rather than 45; the classic protocol lets the consumer say so.
        group.initial.rebalance.delay.ms=0
        group.min.session.timeout.ms=1000
        group.consumer.min.session.timeout.ms=1000
        group.consumer.session.timeout.ms=4000
        group.consumer.min.heartbeat.interval.ms=500
        group.consumer.heartbeat.interval.ms=1000
        """;
}
