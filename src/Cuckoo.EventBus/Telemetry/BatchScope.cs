using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>The same as <see cref="RecordScope"/> of a batch, whose events' ids would be too many; the trace is the batch's own.</summary>
internal sealed class BatchScope(IncomingRecord first, IncomingRecord last, int events, ConsumerSettings consumer) : LogScope(consumer)
{
    protected override string Text => $"{events} events from {first.Topic}/{first.Partition}@{first.Offset}-{last.Offset}";

    protected override KeyValuePair<string, object?> What(int index) => index switch
    {
        0 => new("Events", events),
        1 => new("Topic", first.Topic),
        2 => new("Partition", first.Partition),
        3 => new("FirstOffset", first.Offset),
        4 => new("LastOffset", last.Offset),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };
}
