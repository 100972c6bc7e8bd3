using System.Text;
using System.Text.Json;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>
/// Makes records from a seed: good ones, good ones with a few bytes changed, any bytes, and headers of every kind of wrong. The same
/// seed makes the same records but for their ids' times.
/// </summary>
internal sealed class RecordGenerator(int seed)
{
    private const int MostBytes = 4096;

    /// <summary>Below the topic's limit, above every buffer.</summary>
    private const int LargeBytes = 900_000;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private static readonly string[] Texts =
        ["", "a", "Ünïcödé 🐦", "\0", "a\0b", "\ud800", "null", "{}", "'; DROP TABLE seen; --", new string('x', 3000), "\u202e", "\r\n\t"];

    /// <summary>What a JSON value may be replaced with.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "-0", "1e400", "-1e400", "99999999999999999999999999", "1.5", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "[]", "{}", "[[[[[[]]]]]]",
        "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.9999999+14:00\"", "\"not a date\"", "NaN", "/* */ 1", "0x10", "\"2\"", "2147483648",
    ];

    private readonly Random _random = new(seed);
    private long _number;

    public GeneratedRecord Next()
    {
        _number++;
        var isForeign = Chance(0.2);
        var headers = new Headers();
        var value = isForeign ? Foreign() : Own(headers);
        if (!isForeign || Chance(0.3))
        {
            headers.Add("ce_id", Encoding.UTF8.GetBytes($"{seed}-{_number}"));
            headers.Add("ce_source", "fuzz"u8.ToArray());
            headers.Add("ce_specversion", "1.0"u8.ToArray());
        }

        headers = Chance(0.2) ? Broken(headers) : headers;
        return new GeneratedRecord(isForeign ? FuzzTopics.Foreign : FuzzTopics.Own, Key(), Spoil(value), headers);
    }

    private byte[] Own(Headers headers)
    {
        var isNote = Chance(0.2);
        headers.Add("ce_type", isNote ? "fuzz.note"u8.ToArray() : "fuzz.order"u8.ToArray());
        return JsonSerializer.SerializeToUtf8Bytes<object>(isNote ? new { text = Text() } : Order(depth: 0), Json);
    }

    private byte[] Foreign() => JsonSerializer.SerializeToUtf8Bytes<object>(new { order_number = Text(), line_count = _random.Next() }, Json);

    private object Order(int depth) => new
    {
        name = Text(),
        number = _random.Next(int.MinValue, int.MaxValue),
        big = _random.NextInt64(long.MinValue, long.MaxValue),
        price = (decimal)_random.NextDouble() * _random.Next(),
        weight = _random.NextDouble() * 1e200,
        isGift = Chance(0.5),
        at = DateTimeOffset.UnixEpoch.AddSeconds(_random.Next()),
        reference = Guid.NewGuid(),
        kind = _random.Next(3),
        first = new { sku = Text(), quantity = _random.Next() },
        lines = Enumerable.Range(0, _random.Next(4)).Select(i => new { sku = "s" + i, quantity = i }).ToArray(),
        remark = Chance(0.5) ? Text() : null,
        parent = depth < 3 && Chance(0.2) ? Order(depth + 1) : null,
        occurredAt = DateTimeOffset.UnixEpoch,
    };

    private string Text() => Chance(0.7) ? $"key-{_random.Next(1000)}" : Texts[_random.Next(Texts.Length)];

    private byte[]? Key() => _random.Next(10) switch
    {
        0 => null,
        1 => [],
        2 => Bytes(_random.Next(64)),
        3 when Chance(0.05) => Bytes(MostBytes),
        _ => Encoding.UTF8.GetBytes($"key-{_random.Next(1000)}"),
    };

    /// <summary>Leaves more than half as they are.</summary>
    private byte[]? Spoil(byte[] value) => _random.Next(100) switch
    {
        < 55 => value,
        < 65 => Flip(value),
        < 70 => value[.._random.Next(value.Length)],
        < 74 => [.. value, .. value],
        < 78 => Inside(value, Bytes(_random.Next(1, 20))),
        < 86 => Encoding.UTF8.GetBytes(ReplaceValue(Encoding.UTF8.GetString(value))),
        < 89 => Bytes(_random.Next(MostBytes)),
        < 92 => null,
        < 94 => [],
        < 95 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"parent\":", _random.Next(2000)))),
        < 96 => Encoding.UTF8.GetBytes(new string('[', _random.Next(5000))),
        < 97 when Chance(0.01) => Bytes(LargeBytes),
        < 98 => "\ufeff"u8.ToArray().Concat(value).ToArray(),
        _ => Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(value)),
    };

    private byte[] Flip(byte[] value)
    {
        var flipped = value.ToArray();
        for (var i = _random.Next(1, 5); i > 0 && flipped.Length > 0; i--)
        {
            flipped[_random.Next(flipped.Length)] ^= (byte)(1 << _random.Next(8));
        }

        return flipped;
    }

    private byte[] Inside(byte[] value, byte[] what)
    {
        var at = _random.Next(value.Length + 1);
        return [.. value[..at], .. what, .. value[at..]];
    }

    /// <summary>Puts something else where a member's value begins.</summary>
    private string ReplaceValue(string json)
    {
        var colons = Enumerable.Range(0, json.Length).Where(i => json[i] == ':').ToList();
        if (colons.Count == 0)
        {
            return Values[_random.Next(Values.Length)];
        }

        var start = colons[_random.Next(colons.Count)] + 1;
        var end = json.IndexOfAny([',', '}'], start);
        return end < 0 ? json[..start] : json[..start] + Values[_random.Next(Values.Length)] + json[end..];
    }

    private Headers Broken(Headers good)
    {
        var headers = new Headers();
        foreach (var header in good)
        {
            switch (_random.Next(8))
            {
                case 0:
                    break;
                case 1:
                    headers.Add(header.Key, null);
                    break;
                case 2:
                    headers.Add(header.Key, Bytes(_random.Next(300)));
                    break;
                case 3:
                    headers.Add(header);
                    headers.Add(header.Key, Encoding.UTF8.GetBytes(Text()));
                    break;
                default:
                    headers.Add(header);
                    break;
            }
        }

        switch (_random.Next(8))
        {
            case 0:
                headers.Add("traceparent", Encoding.UTF8.GetBytes(Text()));
                break;
            case 1:
                headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"u8.ToArray());
                headers.Add("tracestate", Bytes(_random.Next(2000)));
                headers.Add("baggage", Encoding.UTF8.GetBytes(Text() + "=%zz,=,a=b;c"));
                break;
            case 2:
                headers.Add("ce_type", Encoding.UTF8.GetBytes("fuzz.unknown" + _random.Next(200)));
                break;
            case 3:
                for (var i = _random.Next(300); i > 0; i--)
                {
                    headers.Add("h" + i, Bytes(_random.Next(20)));
                }

                break;
            case 4:
                headers.Add(new string('n', _random.Next(1, 5000)), Bytes(_random.Next(MostBytes)));
                break;
            case 5:
                headers.Add("dlq_original_topic", "elsewhere"u8.ToArray());
                headers.Add("dlq_replay_count", Encoding.UTF8.GetBytes(Text()));
                break;
        }

        return headers;
    }

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    private bool Chance(double share) => _random.NextDouble() < share;
}
