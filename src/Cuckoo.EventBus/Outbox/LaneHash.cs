using System.Text;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Which lane a key belongs to: FNV-1a (32 bits) over topic, a zero byte and key, with murmur3's final mix. Every version of
/// the library must agree as long as <see cref="Version"/> stands in the table, so this never changes.
/// </summary>
internal static class LaneHash
{
    public const short Version = 1;

    public static short Lane(string topic, ReadOnlySpan<byte> keyOrId, int lanes)
    {
        Span<byte> topicBytes = stackalloc byte[256];
        var length = Encoding.UTF8.GetBytes(topic, topicBytes);
        var hash = Add(Add(2166136261, topicBytes[..length]), [0]);
        hash = Add(hash, keyOrId);
        hash = (hash ^ (hash >> 16)) * 0x85EBCA6B;
        hash = (hash ^ (hash >> 13)) * 0xC2B2AE35;
        hash ^= hash >> 16;
        return (short)(hash % (uint)lanes);
    }

    private static uint Add(uint hash, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            hash = (hash ^ b) * 16777619;
        }

        return hash;
    }
}
