using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cuckoo.EventBus.Wire;

/// <summary>Event ids as the tables hold them: short text without control characters, whatever came.</summary>
internal static class EventId
{
    /// <summary>The longest id, in UTF-8 bytes, that is stored as it came.</summary>
    public const int MaxBytes = 200;

    public static bool IsStorable(string id) =>
        id.Length > 0 && (id.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? Encoding.UTF8.GetByteCount(id) <= MaxBytes && !HasUnstorable(id)
            // Almost every id, and looked through at once: characters that are a byte each, none of them for control.
            : id.Length <= MaxBytes);

    private static bool HasUnstorable(string id)
    {
        foreach (var c in id)
        {
            if (char.IsControl(c) || char.IsSurrogate(c))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The id itself, or its hash where it can't be stored.</summary>
    public static string Storable(string id) => IsStorable(id) ? id : Hash(Encoding.UTF8.GetBytes(id));

    /// <summary>Stands for an id that can't be stored.</summary>
    public static string Hash(ReadOnlySpan<byte> id) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(id));

    /// <summary>
    /// The identity of a record that carries none. The hash is there because offsets repeat when a topic is created again.
    /// </summary>
    public static string OfRecord(string topic, int partition, long offset, DateTimeOffset timestamp, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(BitConverter.GetBytes(timestamp.ToUnixTimeMilliseconds()));
        hash.AppendData(BitConverter.GetBytes(key.Length));
        hash.AppendData(key);
        hash.AppendData(value);
        var digest = Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
        // A topic may have 249 characters; the inbox keys by source too, which is then the topic.
        return Storable(string.Create(CultureInfo.InvariantCulture, $"{topic}/{partition}/{offset}/{digest}"));
    }
}
