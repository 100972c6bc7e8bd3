using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Cuckoo.EventBus.Chaos.Servers;

/// <summary>Apache Kafka (KRaft) from the distribution that <c>KAFKA_HOME</c> names: one node or several.</summary>
internal sealed class KafkaCluster : IAsyncDisposable
{
    /// <summary>The partition that has only the first node to live on, where there are several.</summary>
    public const int LonelyPartition = 0;

    private const int Partitions = 6;

    private readonly List<KafkaNode> _nodes = [];

    private readonly string _home;
    private readonly string _folder;

    private KafkaCluster(string home, string folder)
    {
        _home = home;
        _folder = folder;
    }

    public IReadOnlyList<KafkaNode> Nodes => _nodes;

    /// <summary>For the harness, whose connections nobody cuts.</summary>
    public string DirectServers => string.Join(',', _nodes.Select(n => n.DirectAddress));

    /// <summary>For the workers.</summary>
    public string WorkerServers { get; private set; } = "";

    public static string ProxyOf(int node) => $"kafka-{node}";

    public static async Task<KafkaCluster> StartAsync(string home, int nodes, string folder, Toxiproxy? network)
    {
        var cluster = new KafkaCluster(home, folder);
        try
        {
            var ports = new HashSet<int>();
            while (ports.Count < 3 * nodes)
            {
                ports.Add(ServerProcess.FreePort());
            }

            var three = ports.Chunk(3).ToArray();
            for (var i = 0; i < nodes; i++)
            {
                cluster._nodes.Add(new KafkaNode(i + 1, home, Path.Combine(folder, $"kafka-{i + 1}"), three[i][0], three[i][1], three[i][2]));
            }

            var clusterId = Convert.ToBase64String(Guid.NewGuid().ToByteArray())[..22].Replace('+', 'a').Replace('/', 'b');
            var voters = string.Join(',', cluster._nodes.Select(n => n.Voter));
            var advertised = new List<int>();
            foreach (var node in cluster._nodes)
            {
                advertised.Add(network is null ? node.WorkerPort : await network.AddAsync(ProxyOf(node.Id), node.WorkerPort));
            }

            cluster.WorkerServers = string.Join(',', advertised.Select(port => $"127.0.0.1:{port}"));
            await Task.WhenAll(cluster._nodes.Select((node, i) => node.FormatAsync(clusterId, voters, advertised[i])));
            await Task.WhenAll(cluster._nodes.Select(node => node.StartAsync()));
            await Task.WhenAll(cluster._nodes.Select(node => node.AnswersAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Creates a topic. With several nodes its partitions do without the first node, but for the first one, which lives there
    /// alone if it is to be <paramref name="lonely"/>: killing that node takes the leader from exactly one partition.
    /// </summary>
    public async Task CreateTopicAsync(string topic, bool lonely = true)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = DirectServers }).SetLogHandler(static (_, _) => { }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification
        {
            Name = topic,
            NumPartitions = Partitions,
            ReplicasAssignments = Enumerable.Range(0, Partitions).ToDictionary(partition => partition, Replicas),
        }]);
        if (_nodes.Count > 1 && lonely)
        {
            await LeaveAloneAsync(topic);
        }

        while (!IsReady(lonely, admin.GetMetadata(TimeSpan.FromSeconds(10)).Topics.Find(t => t.Topic == topic)))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_nodes.Select(node => node.DisposeAsync().AsTask()));

    private static bool IsReady(bool lonely, TopicMetadata? topic) =>
        topic is { Partitions.Count: Partitions } && topic.Partitions.TrueForAll(p => p.Leader > 0)
        && (!lonely || topic.Partitions.Single(p => p.PartitionId == LonelyPartition).Replicas is [1]);

    private List<int> Replicas(int partition)
    {
        var others = _nodes.Skip(1).Select(n => n.Id).ToArray();
        return others.Length == 0 ? [1]
            : partition == LonelyPartition ? [1, .. others[1..]]
            : [.. others.Skip(partition % others.Length), .. others.Take(partition % others.Length)];
    }

    /// <summary>A topic is created with one number of replicas for all partitions, and only the tool of the distribution can change one's.</summary>
    private async Task LeaveAloneAsync(string topic)
    {
        var file = Path.Combine(_folder, $"{topic}.json");
        await File.WriteAllTextAsync(file, $$"""{"version": 1, "partitions": [{"topic": "{{topic}}", "partition": {{LonelyPartition}}, "replicas": [1]}]}""");
        await ServerProcess.RunAsync(
            [Path.Combine(_home, "bin/kafka-reassign-partitions.sh"), "--bootstrap-server", DirectServers, "--reassignment-json-file", file, "--execute"],
            _nodes[0].Environs);
    }
}
