using System.Collections;
using System.Diagnostics;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// What log lines carry, as names and values: five that tell of what is processed, then at which consumer, and in which trace, where
/// there is one. Makes nothing of them before somebody reads.
/// </summary>
internal abstract class LogScope(ConsumerSettings consumer) : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly string? _traceId = Activity.Current?.TraceId.ToHexString();

    /// <summary>The trace comes last, since there may be none.</summary>
    public int Count => _traceId is null ? 7 : 8;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        5 => new("Consumer", consumer.Name),
        6 => new("Group", consumer.Group),
        7 when _traceId is not null => new("TraceId", _traceId),
        _ => What(index),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => $"{Text} at {consumer.Name} of group {consumer.Group}, trace {_traceId ?? "none"}";

    /// <summary>What is processed, as a text.</summary>
    protected abstract string Text { get; }

    /// <summary>One of the first five.</summary>
    protected abstract KeyValuePair<string, object?> What(int index);
}
