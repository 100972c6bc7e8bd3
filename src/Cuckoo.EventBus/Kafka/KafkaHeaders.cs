using Confluent.Kafka;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Kafka;

/// <summary>Makes the binding's headers of a header block. Safe for concurrent use.</summary>
internal static class KafkaHeaders
{
    /// <summary>Longer values are hardly the same in the next record.</summary>
    private const int MostBytes = 64;

    /// <summary>More headers than this are made anew for every record.</summary>
    private const int MostHeaders = 16;

    /// <summary>
    /// The headers of this thread's last record. Most are the same in the next one (the source, the type), and as nobody changes
    /// a header, that one has them as well.
    /// </summary>
    [ThreadStatic]
    private static IHeader?[]? _last;

    /// <summary>The headers of a header block.</summary>
    /// <exception cref="FormatException">The bytes are not a block; someone else wrote the row.</exception>
    public static Confluent.Kafka.Headers Of(ReadOnlySpan<byte> block)
    {
        var headers = new Confluent.Kafka.Headers();
        var each = HeaderBlock.Enumerate(block);
        while (each.MoveNext())
        {
            headers.Add(Known(headers.Count, each.Name, each.IsNull, each.Value) ?? Keep(headers.Count, new Header(each.Name, each.ToArray())));
        }

        return headers;
    }

    /// <summary>The headers of an event.</summary>
    public static Confluent.Kafka.Headers Of(EventHeaders all)
    {
        var headers = new Confluent.Kafka.Headers();
        for (var i = 0; i < all.Count; i++)
        {
            var (name, value) = all[i];
            headers.Add(Known(i, name, value is null, value) ?? Keep(i, new Header(name, value)));
        }

        return headers;
    }

    private static IHeader? Known(int i, string name, bool isNull, ReadOnlySpan<byte> value) =>
        _last is { } last && i < last.Length && last[i] is { } known && known.Key == name && !isNull && value.SequenceEqual(known.GetValueBytes()) ? known : null;

    private static Header Keep(int i, Header header)
    {
        if (i < MostHeaders && header.GetValueBytes() is { Length: <= MostBytes })
        {
            (_last ??= new IHeader?[MostHeaders])[i] = header;
        }

        return header;
    }
}
