namespace Cuckoo.EventBus.Outbox;

/// <summary>One row of the outbox as the relay reads it.</summary>
internal sealed record PendingRow
{
    public required long Id { get; init; }

    public required string Topic { get; init; }

    public required byte[]? Key { get; init; }

    public required string EventId { get; init; }

    public required string Type { get; init; }

    public required byte[] Headers { get; init; }

    public required byte[]? Payload { get; init; }

    public required int Attempts { get; init; }

    public int Bytes => (Key?.Length ?? 0) + Headers.Length + (Payload?.Length ?? 0);
}
