namespace Cuckoo.EventBus.Wire;

/// <summary>A record as it came from its topic. Nobody changes it.</summary>
internal sealed class IncomingRecord
{
    public required string Topic { get; init; }

    public required int Partition { get; init; }

    public required long Offset { get; init; }

    /// <summary>The leader's epoch the record was fetched under (KIP-320), committed with its offset.</summary>
    public int? LeaderEpoch { get; init; }

    public required DateTimeOffset Timestamp { get; init; }

    public byte[]? Key { get; init; }

    public byte[]? Value { get; init; }

    public required EventHeaders Headers { get; init; }

    /// <summary>About what the record occupies: what waits to be handled is bounded by it.</summary>
    public int Size
    {
        get
        {
            var size = (Key?.Length ?? 0) + (Value?.Length ?? 0);
            for (var i = 0; i < Headers.Count; i++)
            {
                var (name, value) = Headers[i];
                size += name.Length + (value?.Length ?? 0);
            }

            return size;
        }
    }
}
