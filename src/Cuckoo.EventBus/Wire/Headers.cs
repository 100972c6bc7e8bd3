using System.Text;

namespace Cuckoo.EventBus.Wire;

/// <summary>Every header name that the bus writes or reads.</summary>
internal static class Headers
{
    // CloudEvents 1.0, Kafka protocol binding, binary content mode, section 3.2.3: attributes are headers with prefix ce_.
    public const string SpecVersion = "ce_specversion";
    public const string Id = "ce_id";
    public const string Source = "ce_source";
    public const string Type = "ce_type";

    // W3C Trace Context and W3C Baggage.
    public const string TraceParent = "traceparent";
    public const string TraceState = "tracestate";
    public const string Baggage = "baggage";

    // Dead letters: where the record was, and why it is here. Times are RFC 3339, numbers decimal text.
    public const string DeadLetterPrefix = "dlq_";
    public const string OriginalId = "dlq_original_id";
    public const string OriginalSource = "dlq_original_source";
    public const string OriginalTopic = "dlq_original_topic";
    public const string OriginalPartition = "dlq_original_partition";
    public const string OriginalOffset = "dlq_original_offset";
    public const string OriginalTimestamp = "dlq_original_timestamp";
    public const string Group = "dlq_group";
    public const string Consumer = "dlq_consumer";
    public const string Attempts = "dlq_attempts";
    public const string FirstFailure = "dlq_first_failure";
    public const string LastFailure = "dlq_last_failure";
    public const string ExceptionType = "dlq_exception_type";
    public const string ExceptionMessage = "dlq_exception_message";
    public const string ExceptionStack = "dlq_exception_stack";
    public const string TraceId = "dlq_trace_id";
    public const string ReplayCount = "dlq_replay_count";

    /// <summary>SHA-256 of a value that was too large to come along, in hexadecimal; the record's own value is then null.</summary>
    public const string OmittedPayloadSha256 = "dlq_omitted_payload_sha256";

    /// <summary>A name from its bytes, without a new string for those that almost every record has.</summary>
    public static string NameOf(ReadOnlySpan<byte> utf8) => utf8 switch
    {
        _ when utf8.SequenceEqual("ce_specversion"u8) => SpecVersion,
        _ when utf8.SequenceEqual("ce_id"u8) => Id,
        _ when utf8.SequenceEqual("ce_source"u8) => Source,
        _ when utf8.SequenceEqual("ce_type"u8) => Type,
        _ when utf8.SequenceEqual("traceparent"u8) => TraceParent,
        _ => Encoding.UTF8.GetString(utf8),
    };

    /// <summary>Whether an application may not set this header itself.</summary>
    public static bool IsReserved(string name) =>
        name is SpecVersion or Id or Source or Type or TraceParent or TraceState or Baggage
        || name.StartsWith(DeadLetterPrefix, StringComparison.Ordinal);
}
