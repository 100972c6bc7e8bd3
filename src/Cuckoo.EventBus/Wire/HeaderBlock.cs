using System.Buffers.Binary;
using System.Text;

namespace Cuckoo.EventBus.Wire;

/// <summary>Headers as one block of bytes, for the tables: names repeat, order counts, values are any bytes or none.</summary>
/// <remarks>
/// Version byte 1, then per header: name length, name in UTF-8, value length (-1 for none), value. Lengths are 32-bit,
/// big-endian, as in Kafka's own protocol.
/// </remarks>
internal static class HeaderBlock
{
    private const byte Version = 1;

    /// <summary>The bytes that a block of these headers takes.</summary>
    public static int Size(EventHeaders headers)
    {
        var size = 1;
        for (var i = 0; i < headers.Count; i++)
        {
            var (name, value) = headers[i];
            size += 8 + Encoding.UTF8.GetByteCount(name) + (value?.Length ?? 0);
        }

        return size;
    }

    public static byte[] Write(EventHeaders headers)
    {
        var block = new byte[Size(headers)];
        block[0] = Version;
        var at = 1;
        foreach (var (name, value) in headers)
        {
            var length = Encoding.UTF8.GetBytes(name, block.AsSpan(at + 4));
            BinaryPrimitives.WriteInt32BigEndian(block.AsSpan(at), length);
            at += 4 + length;
            BinaryPrimitives.WriteInt32BigEndian(block.AsSpan(at), value?.Length ?? -1);
            at += 4;
            value?.CopyTo(block, at);
            at += value?.Length ?? 0;
        }

        return block;
    }

    /// <exception cref="FormatException">The bytes are not a block; someone else wrote the row.</exception>
    public static EventHeaders Read(ReadOnlySpan<byte> block)
    {
        var headers = new EventHeaders();
        for (var each = Enumerate(block); each.MoveNext();)
        {
            headers.Add(each.Name, each.ToArray());
        }

        return headers;
    }

    /// <summary>The headers one by one, without a list of them; wrong bytes throw as <see cref="Read"/> does.</summary>
    /// <exception cref="FormatException">The bytes are not a block.</exception>
    public static Enumerator Enumerate(ReadOnlySpan<byte> block)
    {
        if (block.IsEmpty || block[0] != Version)
        {
            throw new FormatException($"A header block starts with version {Version}; this one has {block.Length} bytes and another start.");
        }

        return new Enumerator(block[1..]);
    }

    public ref struct Enumerator(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public string Name { get; private set; } = "";

        /// <summary>Whether there is no value, which is not the same as an empty one.</summary>
        public bool IsNull { get; private set; }

        /// <summary>The value's bytes; still the block's.</summary>
        public ReadOnlySpan<byte> Value { get; private set; }

        public readonly byte[]? ToArray() => IsNull ? null : Value.ToArray();

        public bool MoveNext()
        {
            if (_rest.IsEmpty)
            {
                return false;
            }

            Name = Headers.NameOf(Take(ref _rest, TakeLength(ref _rest)));
            var length = TakeLength(ref _rest);
            if (Name.Length == 0)
            {
                throw new FormatException("A header in the block has an empty name.");
            }

            IsNull = length < 0;
            Value = IsNull ? default : Take(ref _rest, length);
            return true;
        }
    }

    private static int TakeLength(scoped ref ReadOnlySpan<byte> rest) => BinaryPrimitives.ReadInt32BigEndian(Take(ref rest, 4));

    private static ReadOnlySpan<byte> Take(scoped ref ReadOnlySpan<byte> rest, int length)
    {
        if (length < 0 || length > rest.Length)
        {
            throw new FormatException($"The header block ends inside a header: {length} bytes wanted, {rest.Length} there.");
        }

        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }
}
