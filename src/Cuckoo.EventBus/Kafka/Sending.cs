namespace Cuckoo.EventBus.Kafka;

/// <summary>An answer to await.</summary>
internal sealed class Sending : ISending
{
    private readonly TaskCompletionSource<SendResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends with the broker's answer, or with the producer, and never fails.</summary>
    public Task<SendResult> Answer => _answer.Task;

    public void Answered(SendResult result) => _answer.TrySetResult(result);
}
