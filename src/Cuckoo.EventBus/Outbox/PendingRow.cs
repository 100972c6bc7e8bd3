namespace Cuckoo.EventBus.Outbox;

/// <summary>One row of the outbox as the relay reads it.</summary>
internal sealed record PendingRow
{
    public required long Id { get; init; }

    public required string Topic { get; init; }

    public required byte[]? Key { get; init; }

    public required byte[] Headers { get; set; }

    public required byte[]? Payload { get; set; }

    public required int Attempts { get; init; }

    public int Bytes => (Key?.Length ?? 0) + Headers.Length + (Payload?.Length ?? 0);

    /// <summary>Once the producer has it, its bytes are the producer's.</summary>
    public void Forget() => (Headers, Payload) = ([], null);
}
