namespace Cuckoo.EventBus.Kafka;

/// <summary>An answer to await.</summary>
/// <param name="since">When it was handed over, as a timestamp.</param>
/// <param name="limit">How long to wait for the broker; <see langword="null"/> is for ever.</param>
internal sealed class Sending(long since, TimeSpan? limit) : TaskCompletionSource<SendResult>(TaskCreationOptions.RunContinuationsAsynchronously), ISending
{
    public TimeSpan? Limit => limit;

    public bool IsOverdue(TimeProvider time) => limit is { } most && time.GetElapsedTime(since) > most;

    public void Answered(SendResult result) => TrySetResult(result);
}
