using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cuckoo.EventBus.Retrying;

/// <summary>A key of one partition at one consumer; what is parked under it is handled in the rows' order.</summary>
internal readonly struct ParkedKey(string consumer, byte[] key) : IEquatable<ParkedKey>
{
    public string Consumer => consumer;

    public byte[] Key => key;

    /// <summary>What stands in the table for a key, 0 for none. It must never change: rows are found by it.</summary>
    public static long Hash(byte[]? key) => key is null ? 0 : BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(key));

    public bool Equals(ParkedKey other) => consumer == other.Consumer && key.AsSpan().SequenceEqual(other.Key);

    public override bool Equals(object? obj) => obj is ParkedKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(consumer);
        hash.AddBytes(key);
        return hash.ToHashCode();
    }
}
