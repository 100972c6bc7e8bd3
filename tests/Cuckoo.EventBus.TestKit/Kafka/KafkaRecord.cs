using System.Text;
using System.Text.Json;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A record as it stands in a topic.</summary>
public sealed record KafkaRecord(string Topic, int Partition, long Offset, byte[]? Key, byte[]? Value, EventHeaders Headers, DateTimeOffset Timestamp)
{
    public string? KeyText => Key is null ? null : Encoding.UTF8.GetString(Key);

    public string? Text => Value is null ? null : Encoding.UTF8.GetString(Value);

    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Value);

    public override string ToString() => $"{Topic}[{Partition}]@{Offset} {KeyText}: {Text}";
}
