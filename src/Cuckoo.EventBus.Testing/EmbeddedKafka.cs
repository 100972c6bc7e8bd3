using System.Collections.ObjectModel;
using System.Runtime.InteropServices;
using Confluent.Kafka;
using Cuckoo.EventBus.Testing.Native;

namespace Cuckoo.EventBus.Testing;

/// <summary>
/// Kafka brokers inside this process, for tests and demos: librdkafka's mock cluster, to which any client connects over
/// TCP on loopback. It starts in milliseconds, keeps everything in memory and can be told to fail.
/// </summary>
/// <remarks>
/// <para>
/// All members may be called from any thread at any time, also while clients are connected. After disposal the methods
/// throw <see cref="ObjectDisposedException"/>; the properties keep their values. Dispose the clients first: one that stays
/// behind keeps trying to connect.
/// </para>
/// <para>What it is not (librdkafka 2.14), and where a test needs a real broker instead:</para>
/// <list type="bullet">
/// <item>A partition keeps at most 5 MiB or 100,000 batches of records; older ones are dropped silently.</item>
/// <item>A topic that a producer asks for comes into being with 4 partitions, and a group learns of new topics only when a
/// member joins or leaves: use <see cref="CreateTopic"/> before a producer sends and before a consumer subscribes.</item>
/// <item>The timestamp of every record is 1234 ms after the epoch, whatever the producer sent.</item>
/// <item>Requests of an administrator (create or delete topics, describe the cluster) run into the client's time-out, and
/// listing consumer groups ends the process.</item>
/// <item>Records of aborted transactions are visible, and offsets committed in a transaction are not stored.</item>
/// <item>A group whose members disagree on <c>partition.assignment.strategy</c> ends the process. A second member of a
/// classic group waits until the first one's <c>session.timeout.ms</c> is nearly over: use <c>group.protocol=consumer</c>,
/// as <see cref="ConsumerSettings"/> does.</item>
/// <item>The answer "not the leader" does not name the new leader (KIP-951), as brokers before 3.7 did not: librdkafka's
/// mock would end the process over it while a partition has no leader.</item>
/// <item>No TLS, no SASL, no ACLs, no retention by time, no compaction, no limit on the size of a record.</item>
/// </list>
/// </remarks>
public sealed class EmbeddedKafka : IAsyncDisposable, IDisposable
{
    // librdkafka: "all brokers" and "no leader".
    private const int AllBrokers = -1;
    private const int NoBroker = -1;

    private static readonly KeyValuePair<string, string>[] QuickRecovery =
    [
        // A broker that was down for 8 s is found again after up to 10 s with the default of 10 s, after 0.1 s with this.
        new("reconnect.backoff.max.ms", "100"),

        // Three failed requests in a row: 320 ms with the default of 100 ms, 36 ms with this.
        new("retry.backoff.ms", "10"),
    ];

    private readonly MockClusterHandle _cluster;
    private readonly int _brokerCount;

    private EmbeddedKafka(MockClusterHandle cluster, int brokerCount)
    {
        _cluster = cluster;
        _brokerCount = brokerCount;
        BootstrapServers = Marshal.PtrToStringUTF8(Librdkafka.MockClusterBootstraps(cluster))!;
    }

    /// <summary>Host and port of every broker, separated by commas: a client's <c>bootstrap.servers</c>.</summary>
    public string BootstrapServers { get; }

    /// <summary>
    /// The librdkafka settings that a producer to this broker does best with, without <c>bootstrap.servers</c>: it notices
    /// at once that a fault is over. For a host they go under <c>EventBus:Kafka:Producer</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> ProducerSettings { get; } = Settings(QuickRecovery);

    /// <summary>
    /// The librdkafka settings that a consumer of this broker does best with, without <c>bootstrap.servers</c> and
    /// <c>group.id</c>: it joins and receives within milliseconds, and notices at once that a fault is over. For a host they
    /// go under <c>EventBus:Kafka:Consumer</c>. With <c>group.protocol=consumer</c> librdkafka refuses
    /// <c>session.timeout.ms</c>, <c>heartbeat.interval.ms</c> and <c>partition.assignment.strategy</c>: see
    /// <see cref="EmbeddedKafkaOptions"/> instead.
    /// </summary>
    public IReadOnlyDictionary<string, string> ConsumerSettings { get; } = Settings(
    [
        .. QuickRecovery,
        new("group.protocol", "consumer"),

        // A fetch that finds nothing sleeps this long even if a record arrives meanwhile: with the default of 500 ms a record
        // takes 500 ms, with 10 ms 10.7 ms, with 5 ms 5.6 ms; idle that costs 3.6 % of a core instead of 2.6 %.
        new("fetch.wait.max.ms", "5"),

        // After an injected fetch error: 470 ms with the default of 500 ms, 12 ms with this.
        new("fetch.error.backoff.ms", "10"),
    ]);

    /// <summary>Starts a cluster. It listens when this returns.</summary>
    /// <param name="options">What to start; null for one broker with the defaults.</param>
    /// <returns>The running cluster, to be disposed by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="DllNotFoundException">The native library of Confluent.Kafka is not there.</exception>
    /// <exception cref="InvalidOperationException">librdkafka could not start.</exception>
    public static EmbeddedKafka Start(EmbeddedKafkaOptions? options = null)
    {
        options ??= new EmbeddedKafkaOptions();
        options.Validate();

        var cluster = MockClusterHandle.Start(options.BrokerCount, options.Logger);
        Librdkafka.MockGroupInitialRebalanceDelay(cluster, (int)options.GroupInitialRebalanceDelay.TotalMilliseconds);
        Librdkafka.MockSetGroupConsumerHeartbeatInterval(cluster, (int)options.GroupConsumerHeartbeatInterval.TotalMilliseconds);
        Librdkafka.MockSetGroupConsumerSessionTimeout(cluster, (int)options.GroupConsumerSessionTimeout.TotalMilliseconds);

        var kafka = new EmbeddedKafka(cluster, options.BrokerCount);
        kafka.AvoidLeaderHints();
        return kafka;
    }

    /// <summary>
    /// Creates a topic. To be called before a producer sends to it, which creates it with 4 partitions, and before a
    /// consumer subscribes to it, who would otherwise wait until its group gets or loses a member.
    /// </summary>
    /// <param name="name">1 to 249 of <c>a-z A-Z 0-9 . _ -</c>, but not <c>.</c> or <c>..</c>.</param>
    /// <param name="partitions">Number of partitions, at least 1.</param>
    /// <param name="replicationFactor">Number of brokers that hold a partition, 1 to the number of brokers; default 1.</param>
    /// <exception cref="ArgumentException">An argument is invalid.</exception>
    /// <exception cref="InvalidOperationException">The topic exists, perhaps because a client asked for it earlier.</exception>
    public void CreateTopic(string name, int partitions, int replicationFactor = 1)
    {
        TopicName.Check(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(replicationFactor, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(replicationFactor, _brokerCount);

        var error = Command(cluster => Librdkafka.MockTopicCreate(cluster, name, partitions, replicationFactor));
        if (error == ErrorCode.TopicAlreadyExists)
        {
            throw new InvalidOperationException(
                $"Topic '{name}' exists already. Create it once, and before a client asks for it: that creates it too, with 4 partitions.");
        }

        Check(error, $"Topic '{name}' could not be created");
    }

    /// <summary>Closes a broker's connections and refuses new ones. Its partitions keep it as their leader.</summary>
    /// <param name="brokerId">1 to the number of brokers; null for all of them.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such broker.</exception>
    public void SetBrokerDown(int? brokerId = null)
    {
        var broker = BrokerOrAll(brokerId);
        Check(Command(cluster => Librdkafka.MockBrokerSetDown(cluster, broker)), "The broker could not be set down");
    }

    /// <summary>Lets a broker that is down accept connections again, on its old port and with all its records.</summary>
    /// <param name="brokerId">1 to the number of brokers; null for all of them.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such broker.</exception>
    public void SetBrokerUp(int? brokerId = null)
    {
        var broker = BrokerOrAll(brokerId);
        Check(Command(cluster => Librdkafka.MockBrokerSetUp(cluster, broker)), "The broker could not be set up");
    }

    /// <summary>Delays every response of a broker.</summary>
    /// <param name="time">The delay in whole milliseconds; zero, as at the start, for none.</param>
    /// <param name="brokerId">1 to the number of brokers; null for all of them.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such broker, or the time is negative.</exception>
    public void SetRoundTripTime(TimeSpan time, int? brokerId = null)
    {
        var milliseconds = Milliseconds.Of(time, 0, nameof(time));
        var broker = BrokerOrAll(brokerId);
        Check(
            Command(cluster => Librdkafka.MockBrokerSetRoundTripTime(cluster, broker, milliseconds)),
            "The round-trip time could not be set");
    }

    /// <summary>
    /// Makes the next requests of a kind fail, at whichever broker and from whichever client. Repeated calls queue up:
    /// <see cref="ErrorCode.NoError"/> twice and then an error fails the third request.
    /// </summary>
    /// <param name="request">The kind of request.</param>
    /// <param name="error">
    /// The error in the response; <see cref="ErrorCode.Local_Transport"/> closes the connection instead,
    /// <see cref="ErrorCode.NoError"/> lets the request pass. librdkafka retries errors that are retriable by Kafka's
    /// definition, so that an application sees nothing of them until a time-out.
    /// </param>
    /// <param name="count">How many requests, at least 1; default 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The request is not one of the enumeration, or the count is below 1.</exception>
    public unsafe void FailRequests(KafkaRequest request, ErrorCode error, int count = 1)
    {
        CheckRequest(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);

        var errors = new int[count];
        Array.Fill(errors, (int)error);
        fixed (int* first = errors)
        {
            Librdkafka.MockPushRequestErrors(Cluster(), (short)request, (nuint)count, first);
        }
    }

    /// <summary>Forgets the failures that are still queued for a kind of request.</summary>
    /// <param name="request">The kind of request.</param>
    /// <exception cref="ArgumentOutOfRangeException">The request is not one of the enumeration.</exception>
    public void ClearRequestErrors(KafkaRequest request)
    {
        CheckRequest(request);
        Librdkafka.MockClearRequestErrors(Cluster(), (short)request);
    }

    /// <summary>
    /// Puts an error on a topic in every metadata response, until it is taken away. A topic that does not exist is created
    /// with 4 partitions.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="error">
    /// Such as <see cref="ErrorCode.TopicAuthorizationFailed"/> or <see cref="ErrorCode.UnknownTopicOrPart"/>;
    /// <see cref="ErrorCode.NoError"/> takes it away. Clients that know the topic go on until they next ask for metadata.
    /// </param>
    /// <exception cref="ArgumentException">The name is not a topic's.</exception>
    public void SetTopicError(string topic, ErrorCode error)
    {
        TopicName.Check(topic);
        Command(cluster =>
        {
            Librdkafka.MockTopicSetError(cluster, topic, (int)error);
            return 0;
        });
    }

    /// <summary>
    /// Moves a partition to another leader, with a new leader epoch and all its records. A topic that does not exist is
    /// created with just enough partitions.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition, from 0.</param>
    /// <param name="brokerId">1 to the number of brokers; null for no leader, which fails producing and fetching.</param>
    /// <exception cref="ArgumentException">The name is not a topic's, or there is no such partition or broker.</exception>
    public void SetPartitionLeader(string topic, int partition, int? brokerId)
    {
        TopicName.Check(topic);
        ArgumentOutOfRangeException.ThrowIfNegative(partition);

        var leader = brokerId is { } id ? Broker(id) : NoBroker;
        var error = Command(cluster => Librdkafka.MockPartitionSetLeader(cluster, topic, partition, leader));
        if (error == ErrorCode.UnknownTopicOrPart)
        {
            throw new ArgumentOutOfRangeException(nameof(partition), partition, $"Topic '{topic}' has no partition {partition}.");
        }

        Check(error, $"The leader of {topic} [{partition}] could not be set");
    }

    /// <summary>Makes a broker the coordinator of a consumer group; without this a hash of the group's name decides.</summary>
    /// <param name="groupId">The group.</param>
    /// <param name="brokerId">1 to the number of brokers.</param>
    /// <exception cref="ArgumentException">The group's name is empty, or there is no such broker.</exception>
    public void SetGroupCoordinator(string groupId, int brokerId)
    {
        ArgumentException.ThrowIfNullOrEmpty(groupId);
        var broker = Broker(brokerId);
        Check(
            Command(cluster => Librdkafka.MockCoordinatorSet(cluster, "group", groupId, broker)),
            $"The coordinator of group '{groupId}' could not be set");
    }

    /// <summary>Stops the brokers and forgets their records. Waits for their threads: a few milliseconds, at most about 1 s.</summary>
    public void Dispose()
    {
        if (!_cluster.IsClosed)
        {
            using var nudge = new Nudge(BootstrapServers);
            _cluster.Dispose();
        }
    }

    /// <summary>Does the same as <see cref="Dispose"/>, for <c>await using</c>.</summary>
    /// <returns>A completed task.</returns>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    /// <summary>
    /// From Produce 10 and Fetch 12 on, an answer "not the leader" names the new one (KIP-951). librdkafka's mock reads
    /// that from a null pointer when there is no leader, and so ends the process.
    /// </summary>
    private void AvoidLeaderHints()
    {
        Check(Command(cluster => Librdkafka.MockSetApiVersion(cluster, (short)KafkaRequest.Produce, 0, 9)), "Produce could not be limited");
        Check(Command(cluster => Librdkafka.MockSetApiVersion(cluster, (short)KafkaRequest.Fetch, 0, 11)), "Fetch could not be limited");
    }

    private ErrorCode Command(Func<MockClusterHandle, int> command)
    {
        using var nudge = new Nudge(BootstrapServers);
        return (ErrorCode)command(Cluster());
    }

    private MockClusterHandle Cluster()
    {
        ObjectDisposedException.ThrowIf(_cluster.IsClosed, this);
        return _cluster;
    }

    private int BrokerOrAll(int? brokerId) => brokerId is { } id ? Broker(id) : AllBrokers;

    private int Broker(int brokerId) => brokerId >= 1 && brokerId <= _brokerCount
        ? brokerId
        : throw new ArgumentOutOfRangeException(nameof(brokerId), brokerId, $"There is no broker {brokerId}: ids run from 1 to {_brokerCount}.");

    private static void CheckRequest(KafkaRequest request)
    {
        if (!Enum.IsDefined(request))
        {
            throw new ArgumentOutOfRangeException(nameof(request), request, "EmbeddedKafka does not answer this kind of request.");
        }
    }

    private static void Check(ErrorCode error, string what)
    {
        if (error != ErrorCode.NoError)
        {
            throw new InvalidOperationException($"{what}: librdkafka answered {error}.", new KafkaException(error));
        }
    }

    private static ReadOnlyDictionary<string, string> Settings(KeyValuePair<string, string>[] settings) =>
        new(new Dictionary<string, string>(settings));
}
