using System.Collections;
using System.Diagnostics;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>The same as <see cref="RecordScope"/> of a batch, whose events' ids would be too many; the trace is the batch's own.</summary>
internal sealed class BatchScope(IncomingRecord first, IncomingRecord last, int events, ConsumerSettings consumer) : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly string? _traceId = Activity.Current?.TraceId.ToHexString();

    public int Count => _traceId is null ? 7 : 8;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("Events", events),
        1 => new("Topic", first.Topic),
        2 => new("Partition", first.Partition),
        3 => new("FirstOffset", first.Offset),
        4 => new("LastOffset", last.Offset),
        5 => new("Consumer", consumer.Name),
        6 => new("Group", consumer.Group),
        7 when _traceId is not null => new("TraceId", _traceId),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    public override string ToString() =>
        $"{events} events from {first.Topic}/{first.Partition}@{first.Offset}-{last.Offset} at {consumer.Name} of group {consumer.Group}, trace {_traceId ?? "none"}";

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
