using System.Collections;
using System.Diagnostics;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// What every log line carries that is written while a record is processed, the handler's own too: loggers read it as names and
/// values, or as a text. One object per record, which makes nothing of either before somebody reads. The names are a contract.
/// </summary>
internal sealed class RecordScope(IncomingEvent incoming, ConsumerSettings consumer) : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly string? _traceId = Activity.Current?.TraceId.ToHexString();

    /// <summary>The trace comes last, since there may be none.</summary>
    public int Count => _traceId is null ? 7 : 8;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        // Not EventId: loggers keep the number of a line's kind under that name, and Serilog's provider would drop this one.
        0 => new("MessageId", incoming.Id),
        1 => new("EventType", incoming.TypeName),
        2 => new("Topic", incoming.Record.Topic),
        3 => new("Partition", incoming.Record.Partition),
        4 => new("Offset", incoming.Record.Offset),
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
        $"event {incoming.Id} of type {incoming.TypeName} from {incoming.Record.Topic}/{incoming.Record.Partition}@{incoming.Record.Offset} at {consumer.Name} of group {consumer.Group}, trace {_traceId ?? "none"}";

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
