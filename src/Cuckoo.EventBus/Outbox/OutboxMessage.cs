using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Outbox;

/// <summary>One event that waits in the outbox. Rows are written and read by SQL of our own; EF carries the staged ones.</summary>
internal sealed class OutboxMessage
{
    public long Id { get; set; }

    /// <summary>hash(topic, key) mod the number of lanes; of keyless events, hash(event id).</summary>
    public short Lane { get; set; }

    public required string Topic { get; set; }

    public byte[]? Key { get; set; }

    public required string EventId { get; set; }

    public required string Type { get; set; }

    public required byte[] Headers { get; set; }

    public byte[]? Payload { get; set; }

    public DateTime CreatedAt { get; set; }

    public DateTime? DueAt { get; set; }

    public int Attempts { get; set; }

    public string? LastError { get; set; }

    public OutboxEntryState State { get; set; }

    /// <summary>Where this message is staged: what it becomes. Not a column.</summary>
    internal OutgoingRecord? Record { get; init; }

    /// <summary>Whether a transaction was given the row. Not a column.</summary>
    internal bool IsWritten { get; set; }

    /// <summary>
    /// EF's id of the transaction that has the row, while EF still counts the save's changes as pending. Not the transaction
    /// itself: Npgsql uses one object for one after the other. Not a column.
    /// </summary>
    internal Guid? WrittenIn { get; set; }

    /// <summary>Whether a save with it failed, so that the application may publish it again. Not a column.</summary>
    internal bool IsPutBack { get; set; }

    /// <param name="record">What it becomes.</param>
    /// <param name="id">Its key in the change tracker, unique there; the table gives out another one.</param>
    public static OutboxMessage Stage(OutgoingRecord record, long id) => new()
    {
        Id = id,
        Topic = record.Topic,
        Key = record.Key,
        EventId = record.EventId,
        Type = record.EventType,
        // Made of the record when the row is written.
        Headers = [],
        Payload = record.Payload,
        Record = record,
    };
}
