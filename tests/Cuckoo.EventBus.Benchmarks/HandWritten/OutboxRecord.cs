using System.Text;
using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sample;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>An event as the hand-written outbox keeps it.</summary>
internal sealed record OutboxRecord(byte[] Key, Guid EventId, string? TraceParent, byte[] Payload)
{
    private static readonly byte[] SpecVersion = "1.0"u8.ToArray();
    private static readonly byte[] Source = Encoding.UTF8.GetBytes(Sides.BusHost.ServiceName);
    private static readonly byte[] Type = Encoding.UTF8.GetBytes(BenchEvent.TypeName);

    public static OutboxRecord From(BenchEvent e, string? traceParent) => new(Encoding.UTF8.GetBytes(e.Key), e.EventId, traceParent, e.ToJson());

    /// <summary>The record for Kafka, with the same five headers as the bus's, or without those that a consumer can do without.</summary>
    public Message<byte[], byte[]> ToMessage(bool hasSpecVersion = true)
    {
        var headers = new Headers();
        if (hasSpecVersion)
        {
            headers.Add("ce_specversion", SpecVersion);
        }

        headers.Add("ce_id", Encoding.UTF8.GetBytes(EventId.ToString()));
        headers.Add("ce_source", Source);
        headers.Add("ce_type", Type);
        if (TraceParent is not null)
        {
            headers.Add("traceparent", Encoding.UTF8.GetBytes(TraceParent));
        }

        return new Message<byte[], byte[]> { Key = Key, Value = Payload, Headers = headers };
    }
}
