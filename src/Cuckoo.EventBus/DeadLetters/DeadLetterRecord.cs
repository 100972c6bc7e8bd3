using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>
/// A dead letter as it goes to its topic. Key, value and the publisher's own headers are the original's. <c>ce_type</c> is too,
/// since it says how to read the value; <c>ce_id</c> and <c>ce_source</c> are the dead letter's own, and the original's stand in
/// <c>dlq_original_id</c> and <c>dlq_original_source</c>. Trace headers stay, so the letter belongs to the original's trace.
/// <c>dlq_</c> headers that the original had (it was a dead letter itself, of another service) are left out: they stand on the
/// record that the new ones point at.
/// </summary>
internal static class DeadLetterRecord
{
    /// <summary>CloudEvents require a type; this one stands where the original had none.</summary>
    private const string UnknownType = "dead-letter";

    /// <summary>The record, with as much of the original as its topic takes.</summary>
    public static OutgoingRecord Create(IncomingEvent incoming, InboxKey key, Failure failure, string? traceId, BusSettings settings)
    {
        var whole = Build(incoming, key, failure, traceId, settings, incoming.Record.Value, withOriginals: true);
        if (whole.Size <= settings.MaxMessageBytes(settings.DeadLetterTopic))
        {
            return whole;
        }

        var withoutPayload = WithoutPayload(incoming, key, failure, traceId, settings);
        return withoutPayload.Size <= settings.MaxMessageBytes(settings.DeadLetterTopic)
            ? withoutPayload
            : Build(incoming, key, failure, traceId, settings, payload: null, withOriginals: false) with { Key = null };
    }

    /// <summary>The record without the original's value; <c>dlq_original_*</c> say where that is, and a hash what it was.</summary>
    public static OutgoingRecord WithoutPayload(IncomingEvent incoming, InboxKey key, Failure failure, string? traceId, BusSettings settings) =>
        Build(incoming, key, failure, traceId, settings, payload: null, withOriginals: true);

    private static OutgoingRecord Build(
        IncomingEvent incoming, InboxKey key, Failure failure, string? traceId, BusSettings settings, byte[]? payload, bool withOriginals)
    {
        var id = UniqueId.New().ToString();
        var type = StoredRecordSql.TypeOf(incoming) is { Length: > 0 } known ? known : UnknownType;
        var headers = new EventHeaders
        {
            { Headers.SpecVersion, "1.0" },
            { Headers.Id, id },
            { Headers.Source, settings.Options.ServiceName },
            { Headers.Type, type },
        };
        foreach (var (name, value) in incoming.Record.Headers.Where(header => withOriginals && IsKept(header.Key)))
        {
            headers.Add(name, value);
        }

        AddReason(headers, incoming, key, failure, traceId);
        if (payload is null && incoming.Record.Value is { } omitted)
        {
            headers.Add(Headers.OmittedPayloadSha256, Convert.ToHexStringLower(SHA256.HashData(omitted)));
        }

        return new OutgoingRecord
        {
            EventId = id,
            EventType = type,
            Topic = settings.DeadLetterTopic,
            Key = incoming.Record.Key,
            Headers = headers,
            Payload = payload,
        };
    }

    private static void AddReason(EventHeaders headers, IncomingEvent incoming, InboxKey key, Failure failure, string? traceId)
    {
        var record = incoming.Record;
        headers.Add(Headers.OriginalId, key.EventId);
        headers.Add(Headers.OriginalSource, key.Source);
        headers.Add(Headers.OriginalTopic, record.Topic);
        headers.Add(Headers.OriginalPartition, record.Partition.ToString(CultureInfo.InvariantCulture));
        headers.Add(Headers.OriginalOffset, record.Offset.ToString(CultureInfo.InvariantCulture));
        headers.Add(Headers.OriginalTimestamp, Time(record.Timestamp));
        headers.Add(Headers.Group, key.Group);
        headers.Add(Headers.Consumer, key.Consumer);
        headers.Add(Headers.Attempts, failure.Attempts.ToString(CultureInfo.InvariantCulture));
        headers.Add(Headers.FirstFailure, Time(failure.First));
        headers.Add(Headers.LastFailure, Time(failure.Last));
        headers.Add(Headers.ExceptionType, failure.ExceptionType);
        headers.Add(Headers.ExceptionMessage, failure.Message);
        headers.Add(Headers.ExceptionStack, failure.Stack);
        headers.Add(Headers.ReplayCount, failure.ReplayCount.ToString(CultureInfo.InvariantCulture));
        if (traceId is not null)
        {
            headers.Add(Headers.TraceId, traceId);
        }
    }

    private static bool IsKept(string header) =>
        header is not (Headers.SpecVersion or Headers.Id or Headers.Source or Headers.Type)
        && !header.StartsWith(Headers.DeadLetterPrefix, StringComparison.Ordinal);

    /// <summary>RFC 3339, in UTC, to the millisecond as Kafka's own timestamps.</summary>
    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
