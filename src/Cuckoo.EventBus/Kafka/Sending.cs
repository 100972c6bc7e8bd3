using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Kafka;

/// <summary>A record on its way, and the task that ends with what the broker says of it alone.</summary>
/// <param name="sender">Sends it again if it may have been refused for a neighbour; <see langword="null"/> if it travels alone.</param>
/// <param name="record">The record.</param>
/// <param name="time">The clock.</param>
/// <param name="limit">How long to wait for the broker; <see langword="null"/> is for ever.</param>
/// <param name="failsWith">Makes of an error what the task fails with; <see langword="null"/> if it ends with the error as a result.</param>
internal sealed class Sending(DirectSender? sender, OutgoingRecord record, TimeProvider time, TimeSpan? limit, Func<OutgoingRecord, string, Exception>? failsWith)
    : TaskCompletionSource<SendResult>(TaskCreationOptions.RunContinuationsAsynchronously), ISending
{
    private readonly long _since = time.GetTimestamp();

    public OutgoingRecord Record => record;

    public TimeSpan? Limit => limit;

    public bool IsOverdue => limit is { } most && time.GetElapsedTime(_since) > most;

    public void Answered(SendResult result)
    {
        SendMetrics.Answered(record.Topic, time, _since, result);
        if (sender is not null && result.Outcome is SendOutcome.HeldBack or SendOutcome.Rejected)
        {
            sender.SendAlone(this);
        }
        else
        {
            End(result);
        }
    }

    /// <summary>Ends the task.</summary>
    public void End(SendResult result)
    {
        if (result.Error is { } error && failsWith is not null)
        {
            TrySetException(failsWith(record, error));
        }
        else
        {
            TrySetResult(result);
        }
    }
}
