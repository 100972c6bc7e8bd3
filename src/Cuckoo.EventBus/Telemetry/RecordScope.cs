using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// What every log line carries that is written while a record is processed, the handler's own too: loggers read it as names and
/// values, or as a text. One object per record. The names are a contract.
/// </summary>
internal sealed class RecordScope(IncomingEvent incoming, ConsumerSettings consumer) : LogScope(consumer)
{
    protected override string Text => $"event {incoming.Id} of type {incoming.TypeName} from {incoming.Record.Topic}/{incoming.Record.Partition}@{incoming.Record.Offset}";

    protected override KeyValuePair<string, object?> What(int index) => index switch
    {
        // Not EventId: loggers keep the number of a line's kind under that name, and Serilog's provider would drop this one.
        0 => new("MessageId", incoming.Id),
        1 => new("EventType", incoming.TypeName),
        2 => new("Topic", incoming.Record.Topic),
        3 => new("Partition", incoming.Record.Partition),
        4 => new("Offset", incoming.Record.Offset),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };
}
