using System.Text.Json;

namespace Cuckoo.EventBus.Benchmarks.Sample;

/// <summary>The event of every measure: 200 bytes of JSON.</summary>
[Event(TypeName, Topic = TopicName)]
public sealed record BenchEvent(string Key, long Number, string Filler) : DomainEvent
{
    public const string TypeName = "bench.happened";
    public const string TopicName = "bench-events";

    /// <summary>Over all measures: many enough for every lane and partition, few enough that keys repeat.</summary>
    public const int Keys = 10_000;

    /// <summary>The key of half of all records, where there is a hot one.</summary>
    public const string HotKey = "hot";

    /// <summary>With it the JSON has 200 bytes.</summary>
    private static readonly string Padding = new('x', 101);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public override string PartitionKey => Key;

    /// <summary>The n-th event; its key is any of the keys, the same in every run, unless it is given.</summary>
    public static BenchEvent Create(long number, DateTimeOffset occurredAt = default, string? key = null) => new(key ?? KeyOf(number), number, Padding) { OccurredAt = occurredAt };

    /// <summary>What a hand-written consumer makes of a value.</summary>
    public static BenchEvent FromJson(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<BenchEvent>(json, Json)!;

    /// <summary>What a hand-written publisher sends as the value: the same JSON.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    // Multiplied by a large prime, so that neighbours have different keys.
    private static string KeyOf(long number) => $"key-{number * 7_919 % Keys:D5}";
}
