using System.Text;

namespace Cuckoo.EventBus.Outbox;

/// <summary>What has one order: a key of a topic, compared by its bytes.</summary>
internal readonly struct RowKey(string topic, byte[] key) : IEquatable<RowKey>
{
    private readonly string _topic = topic;
    private readonly byte[] _key = key;

    /// <returns><see langword="null"/> for a row without a key, which has no order to keep.</returns>
    public static RowKey? Of(PendingRow row) => row.Key is { } key ? new RowKey(row.Topic, key) : null;

    public bool Equals(RowKey other) => _topic == other._topic && _key.AsSpan().SequenceEqual(other._key);

    public override bool Equals(object? obj) => obj is RowKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(_topic, StringComparer.Ordinal);
        hash.AddBytes(_key);
        return hash.ToHashCode();
    }

    public override string ToString() => $"{_topic}/{Encoding.UTF8.GetString(_key)}";
}
