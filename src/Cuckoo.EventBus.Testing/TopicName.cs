using System.Buffers;

namespace Cuckoo.EventBus.Testing;

/// <summary>Kafka's rule for a topic's name (<c>org.apache.kafka.common.internals.Topic</c>), which librdkafka's mock lacks.</summary>
internal static class TopicName
{
    private const int MaxLength = 249;

    private static readonly SearchValues<char> Legal =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    internal static void Check(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name is "." or ".." || name.Length > MaxLength || name.AsSpan().ContainsAnyExcept(Legal))
        {
            throw new ArgumentException(
                $"'{name}' is not a topic's name. Use 1 to {MaxLength} of the characters a-z A-Z 0-9 . _ - and neither '.' nor '..'.", nameof(name));
        }
    }
}
