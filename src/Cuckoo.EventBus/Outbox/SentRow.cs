using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Outbox;

/// <summary>A row on its way to the broker. What it carries is the producer's by now; kept is what a failure needs.</summary>
internal sealed class SentRow(LaneWindow window, PendingRow row, SendWay way, TimeProvider time) : ISending
{
    private readonly SendSpan? _span = SendSpan.Begin(row.Topic, row.Key, row.Payload, row.Headers, time);

    public long Id => Row.Id;

    /// <summary>The row; its headers and payload are the producer's by now.</summary>
    public PendingRow Row { get; } = row;

    public SendWay Way => way;

    /// <summary>Whether it has a key and travels with others.</summary>
    public bool IsOrdinary => way == SendWay.Together && Row.Key is not null;

    /// <summary>When it was handed over, as a timestamp of the <see cref="TimeProvider"/>.</summary>
    public long SentAt { get; } = time.GetTimestamp();

    /// <summary>The partition it waits for, once it has waited so long that someone asked.</summary>
    public BlockedPartition? Blocked { get; set; }

    /// <summary>The answer; <see langword="null"/> until there is one.</summary>
    public SendResult? Result { get; private set; }

    public void Answered(SendResult result)
    {
        Result = result;
        SendMetrics.Answered(Row.Topic, time, SentAt, result);
        _span?.End(result);
        window.Answered(this);
    }
}
