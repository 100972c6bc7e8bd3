using System.Reflection;
using System.Runtime.InteropServices;

namespace Cuckoo.EventBus.Testing.Native;

/// <summary>
/// The functions of <c>rdkafka.h</c> and <c>rdkafka_mock.h</c> (librdkafka 2.14) that an embedded broker needs.
/// </summary>
internal static unsafe partial class Librdkafka
{
    private const string Name = "librdkafka";

    static Librdkafka() => NativeLibrary.SetDllImportResolver(typeof(Librdkafka).Assembly, Resolve);

    [LibraryImport(Name, EntryPoint = "rd_kafka_conf_new")]
    internal static partial nint ConfNew();

    [LibraryImport(Name, EntryPoint = "rd_kafka_conf_destroy")]
    internal static partial void ConfDestroy(nint conf);

    [LibraryImport(Name, EntryPoint = "rd_kafka_conf_set", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ConfSet(nint conf, string name, string value, byte* error, nuint errorSize);

    [LibraryImport(Name, EntryPoint = "rd_kafka_conf_set_opaque")]
    internal static partial void ConfSetOpaque(nint conf, nint opaque);

    [LibraryImport(Name, EntryPoint = "rd_kafka_conf_set_log_cb")]
    internal static partial void ConfSetLogCallback(nint conf, delegate* unmanaged[Cdecl]<nint, int, byte*, byte*, void> callback);

    [LibraryImport(Name, EntryPoint = "rd_kafka_opaque")]
    internal static partial nint Opaque(nint client);

    [LibraryImport(Name, EntryPoint = "rd_kafka_new")]
    internal static partial nint New(int type, nint conf, byte* error, nuint errorSize);

    [LibraryImport(Name, EntryPoint = "rd_kafka_destroy")]
    internal static partial void Destroy(nint client);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_cluster_new")]
    internal static partial nint MockClusterNew(nint client, int brokers);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_cluster_destroy")]
    internal static partial void MockClusterDestroy(nint cluster);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_cluster_bootstraps")]
    internal static partial nint MockClusterBootstraps(MockClusterHandle cluster);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_group_initial_rebalance_delay_ms")]
    internal static partial void MockGroupInitialRebalanceDelay(MockClusterHandle cluster, int milliseconds);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_set_group_consumer_heartbeat_interval_ms")]
    internal static partial void MockSetGroupConsumerHeartbeatInterval(MockClusterHandle cluster, int milliseconds);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_set_group_consumer_session_timeout_ms")]
    internal static partial void MockSetGroupConsumerSessionTimeout(MockClusterHandle cluster, int milliseconds);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_set_apiversion")]
    internal static partial int MockSetApiVersion(MockClusterHandle cluster, short apiKey, short least, short most);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_topic_create", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int MockTopicCreate(MockClusterHandle cluster, string topic, int partitions, int replicationFactor);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_topic_set_error", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void MockTopicSetError(MockClusterHandle cluster, string topic, int error);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_partition_set_leader", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int MockPartitionSetLeader(MockClusterHandle cluster, string topic, int partition, int brokerId);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_coordinator_set", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int MockCoordinatorSet(MockClusterHandle cluster, string keyType, string key, int brokerId);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_broker_set_down")]
    internal static partial int MockBrokerSetDown(MockClusterHandle cluster, int brokerId);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_broker_set_up")]
    internal static partial int MockBrokerSetUp(MockClusterHandle cluster, int brokerId);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_broker_set_rtt")]
    internal static partial int MockBrokerSetRoundTripTime(MockClusterHandle cluster, int brokerId, int milliseconds);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_push_request_errors_array")]
    internal static partial void MockPushRequestErrors(MockClusterHandle cluster, short apiKey, nuint count, int* errors);

    [LibraryImport(Name, EntryPoint = "rd_kafka_mock_clear_request_errors")]
    internal static partial void MockClearRequestErrors(MockClusterHandle cluster, short apiKey);

    /// <summary>
    /// Loads the file that Confluent.Kafka itself loads: its names, in its order, sought from its assembly, so that beside
    /// the assemblies and <c>runtimes/RID/native</c> both count and the process holds one copy.
    /// </summary>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != Name)
        {
            return 0;
        }

        // librdkafka.redist has three builds for Linux: with Kerberos, without (centos8), and for musl (alpine).
        var identifier = RuntimeInformation.RuntimeIdentifier;
        var isMusl = identifier.Contains("musl", StringComparison.Ordinal) || identifier.StartsWith("alpine", StringComparison.Ordinal);
        string[] candidates = isMusl ? ["alpine-librdkafka", Name] : [Name, "centos8-librdkafka"];
        foreach (var candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, typeof(Confluent.Kafka.Library).Assembly, null, out var library))
            {
                return library;
            }
        }

        throw new DllNotFoundException(
            $"EmbeddedKafka looked for {string.Join(" and ", candidates)} beside the assemblies and in runtimes/{identifier}/native and could load neither. " +
            "The package librdkafka.redist, which Confluent.Kafka references, brings the library: check that its native files are published with the application.");
    }
}
