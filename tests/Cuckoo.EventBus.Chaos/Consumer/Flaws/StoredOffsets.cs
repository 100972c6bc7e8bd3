using System.Reflection;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Chaos.Consumer.Flaws;

/// <summary>
/// Puts every position that this process stores one too far, between Confluent's client and librdkafka: the library above
/// neither knows nor has a switch for it.
/// </summary>
internal static class StoredOffsets
{
    /// <exception cref="MissingFieldException">The client has changed, and this with it must.</exception>
    public static void PutOneTooFar()
    {
        // Loads librdkafka and with it fills the field.
        Library.Load();
        var field = typeof(Library).Assembly.GetType("Confluent.Kafka.Impl.Librdkafka", throwOnError: true)!.GetField("_offsets_store", BindingFlags.NonPublic | BindingFlags.Static)
            ?? throw new MissingFieldException("Confluent.Kafka.Impl.Librdkafka", "_offsets_store");
        var store = (Func<IntPtr, IntPtr, ErrorCode>)field.GetValue(null)!;
        ErrorCode StoreOneTooFar(IntPtr client, IntPtr offsets)
        {
            var list = Marshal.PtrToStructure<PartitionList>(offsets);
            for (var i = 0; i < list.Count; i++)
            {
                var offset = list.Elements + (i * Marshal.SizeOf<Partition>()) + (int)Marshal.OffsetOf<Partition>(nameof(Partition.Offset));
                Marshal.WriteInt64(offset, Marshal.ReadInt64(offset) + 1);
            }

            return store(client, offsets);
        }

        field.SetValue(null, (Func<IntPtr, IntPtr, ErrorCode>)StoreOneTooFar);
    }

    /// <summary>rd_kafka_topic_partition_list_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PartitionList
    {
        public int Count;
        public int Size;
        public IntPtr Elements;
    }

    /// <summary>rd_kafka_topic_partition_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Partition
    {
        public IntPtr Topic;
        public int Number;
        public long Offset;
        public IntPtr Metadata;
        public nuint MetadataSize;
        public IntPtr Opaque;
        public int Error;
        public IntPtr Private;
    }
}
