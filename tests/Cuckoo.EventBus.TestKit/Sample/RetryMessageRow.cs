namespace Cuckoo.EventBus.TestKit.Sample;

/// <summary>A row of <c>retry_messages</c>, as anyone can read it with SQL.</summary>
public sealed class RetryMessageRow
{
    public long Id { get; init; }

    public required string Consumer { get; init; }

    public required string EventId { get; init; }

    public int Attempts { get; init; }

    public int ReplayCount { get; init; }

    /// <summary>Only the first row of a key has one.</summary>
    public DateTime? DueAt { get; init; }

    public string? LastError { get; init; }
}
