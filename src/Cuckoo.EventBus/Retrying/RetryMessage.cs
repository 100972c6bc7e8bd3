using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>A parked record: its key waits behind it.</summary>
internal sealed class RetryMessage : StoredRecord
{
    public DateTime DueAt { get; set; }

    public string? LastError { get; set; }
}
