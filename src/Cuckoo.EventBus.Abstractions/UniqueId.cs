using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cuckoo.EventBus;

/// <summary>
/// UUIDs of version 7 (RFC 9562). Their random bits are asked for many at a time: for one at a time, the question to the
/// operating system costs more than the rest of an event. Safe for concurrent use.
/// </summary>
internal static class UniqueId
{
    private const int Size = 16;
    private const int RandomSize = 10;

    [ThreadStatic]
    private static byte[]? _random;

    [ThreadStatic]
    private static int _left;

    /// <summary>A new one, of this moment by the machine's clock.</summary>
    public static Guid New()
    {
        Span<byte> id = stackalloc byte[Size];
        BinaryPrimitives.WriteInt64BigEndian(id, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() << 16);
        Random().CopyTo(id[^RandomSize..]);
        id[6] = (byte)((id[6] & 0x0F) | 0x70);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id, bigEndian: true);
    }

    private static ReadOnlySpan<byte> Random()
    {
        if (_left == 0)
        {
            _random ??= new byte[100 * RandomSize];
            RandomNumberGenerator.Fill(_random);
            _left = _random.Length / RandomSize;
        }

        return _random.AsSpan(--_left * RandomSize, RandomSize);
    }
}
