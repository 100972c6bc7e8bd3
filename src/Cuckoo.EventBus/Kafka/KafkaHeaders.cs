using Confluent.Kafka;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// The binding's headers of a record, which it copies before its call returns: so a thread uses the same objects for every record,
/// instead of about a dozen new ones. For one thread.
/// </summary>
internal sealed class KafkaHeaders
{
    /// <summary>Records with more headers than this get theirs made anew.</summary>
    private const int MostHeaders = 16;

    /// <summary>Longer values are not kept room for.</summary>
    private const int MostBytes = 256;

    [ThreadStatic]
    private static KafkaHeaders? _ofThread;

    private readonly List<RecordHeader> _each = [];

    /// <summary>By their number, since the binding's can't be emptied.</summary>
    private readonly Confluent.Kafka.Headers?[] _all = new Confluent.Kafka.Headers?[MostHeaders + 1];

    private static KafkaHeaders OfThread => _ofThread ??= new KafkaHeaders();

    /// <summary>The headers of a header block, until this thread's next call.</summary>
    /// <exception cref="FormatException">The bytes are not a block; someone else wrote the row.</exception>
    public static Confluent.Kafka.Headers Of(ReadOnlySpan<byte> block)
    {
        var own = OfThread;
        var count = 0;
        for (var each = HeaderBlock.Enumerate(block); each.MoveNext(); count++)
        {
            own.At(count).Set(each.Name, each.IsNull, each.Value);
        }

        return own.First(count);
    }

    /// <summary>The headers of an event, until this thread's next call.</summary>
    public static Confluent.Kafka.Headers Of(EventHeaders all)
    {
        var own = OfThread;
        for (var i = 0; i < all.Count; i++)
        {
            var (name, value) = all[i];
            own.At(i).Set(name, value);
        }

        return own.First(all.Count);
    }

    private RecordHeader At(int i)
    {
        if (i == _each.Count)
        {
            _each.Add(new RecordHeader());
        }

        return _each[i];
    }

    private Confluent.Kafka.Headers First(int count)
    {
        if (count < _all.Length && _all[count] is { } known)
        {
            return known;
        }

        var headers = new Confluent.Kafka.Headers();
        for (var i = 0; i < count; i++)
        {
            headers.Add(_each[i]);
        }

        if (count < _all.Length)
        {
            _all[count] = headers;
        }
        else
        {
            _each.RemoveRange(MostHeaders, count - MostHeaders);
        }

        return headers;
    }

    private sealed class RecordHeader : IHeader
    {
        private byte[]? _value;
        private byte[] _room = [];

        public string Key { get; private set; } = "";

        public byte[]? GetValueBytes() => _value;

        public void Set(string name, byte[]? value) => (Key, _value) = (name, value);

        /// <summary>Copies the value to where the last one of the same length was, if it was not another's.</summary>
        public void Set(string name, bool isNull, ReadOnlySpan<byte> value)
        {
            Key = name;
            if (isNull || value.Length > MostBytes)
            {
                _value = isNull ? null : value.ToArray();
                return;
            }

            if (_room.Length != value.Length)
            {
                _room = new byte[value.Length];
            }

            value.CopyTo(_room);
            _value = _room;
        }
    }
}
