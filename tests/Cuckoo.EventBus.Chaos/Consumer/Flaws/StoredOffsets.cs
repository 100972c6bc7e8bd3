using System.Reflection;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Chaos.Consumer.Flaws;

/// <summary>
/// Puts every position that this process stores one too far, between Confluent's client and librdkafka: the library above
/// neither knows nor has a switch for it. But not behind the partition's end: whoever starts there is sent back to the
/// beginning, and finds all that was missed.
/// </summary>
internal static class StoredOffsets
{
    /// <exception cref="MissingMemberException">The client has changed, and this with it must.</exception>
    public static void PutOneTooFar()
    {
        // Loads librdkafka and with it fills the field.
        Library.Load();
        var native = typeof(Library).Assembly.GetType("Confluent.Kafka.Impl.Librdkafka", throwOnError: true)!;
        var field = native.GetField("_offsets_store", BindingFlags.NonPublic | BindingFlags.Static) ?? throw new MissingFieldException(native.FullName, "_offsets_store");
        var watermarks = native.GetMethod("get_watermark_offsets", BindingFlags.NonPublic | BindingFlags.Static) ?? throw new MissingMethodException(native.FullName, "get_watermark_offsets");
        var ends = watermarks.CreateDelegate<GetWatermarkOffsets>();
        var store = (Func<IntPtr, IntPtr, ErrorCode>)field.GetValue(null)!;
        ErrorCode StoreOneTooFar(IntPtr client, IntPtr offsets)
        {
            var list = Marshal.PtrToStructure<PartitionList>(offsets);
            for (var i = 0; i < list.Count; i++)
            {
                var place = list.Elements + (i * Marshal.SizeOf<Partition>());
                var partition = Marshal.PtrToStructure<Partition>(place);
                // As of the last answer to a fetch.
                if (ends(client, Marshal.PtrToStringUTF8(partition.Topic)!, partition.Number, out _, out var end) == ErrorCode.NoError && partition.Offset < end)
                {
                    Marshal.StructureToPtr(partition with { Offset = partition.Offset + 1 }, place, fDeleteOld: false);
                }
            }

            return store(client, offsets);
        }

        field.SetValue(null, (Func<IntPtr, IntPtr, ErrorCode>)StoreOneTooFar);
    }

    private delegate ErrorCode GetWatermarkOffsets(IntPtr client, string topic, int partition, out long beginning, out long end);

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
