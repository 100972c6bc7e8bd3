using System.Buffers.Binary;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// The partition of a key by Kafka's own default partitioner (org.apache.kafka.common.utils.Utils.murmur2), which librdkafka
/// calls <c>murmur2_random</c>. Only to know where a record will go: librdkafka sends it there.
/// </summary>
internal static class Murmur2
{
    private const uint Seed = 0x9747b28c;
    private const uint M = 0x5bd1e995;

    public static int Partition(ReadOnlySpan<byte> key, int partitions) => (int)(Hash(key) & 0x7fffffff) % partitions;

    private static uint Hash(ReadOnlySpan<byte> key)
    {
        var h = Seed ^ (uint)key.Length;
        for (; key.Length >= 4; key = key[4..])
        {
            var k = BinaryPrimitives.ReadUInt32LittleEndian(key) * M;
            h = (h * M) ^ ((k ^ (k >> 24)) * M);
        }

        if (key.Length > 0)
        {
            for (var i = key.Length - 1; i >= 0; i--)
            {
                h ^= (uint)key[i] << (8 * i);
            }

            h *= M;
        }

        h = (h ^ (h >> 13)) * M;
        return h ^ (h >> 15);
    }
}
