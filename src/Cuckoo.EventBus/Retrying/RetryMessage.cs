using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>A parked record: the later records of its key stand behind it, by their ids. A record without a key stands alone.</summary>
internal sealed class RetryMessage : StoredRecord
{
    /// <summary>Finds the rows of a key by an index; keys themselves may be too long for one. See <see cref="ParkedKey.Hash"/>.</summary>
    public long KeyHash { get; set; }

    /// <summary>When the first row of a key is tried again; <see langword="null"/> for those behind it.</summary>
    public DateTime? DueAt { get; set; }

    public string? LastError { get; set; }
}
