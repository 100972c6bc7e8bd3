using Confluent.Kafka;

namespace Cuckoo.EventBus.Kafka;

/// <summary>The broker's answer to one record.</summary>
/// <param name="Error"><see langword="null"/> when all in-sync replicas have it; else what the client said.</param>
/// <param name="IsRejection">
/// Whether the record, or another one of its batch, was refused for what it is; otherwise the bus or the broker is in trouble,
/// which is no record's fault.
/// </param>
internal readonly record struct SendResult(string? Error, bool IsRejection)
{
    public bool IsAcknowledged => Error is null;

    public static SendResult From(Error error) =>
        error.IsError ? new($"{error.Code}: {error.Reason}", IsRecordsFault(error.Code)) : default;

    private static bool IsRecordsFault(ErrorCode code) => code is
        ErrorCode.MsgSizeTooLarge
        or ErrorCode.InvalidMsg
        or ErrorCode.InvalidMsgSize
        or ErrorCode.InvalidRecord
        or ErrorCode.InvalidTimestamp
        or ErrorCode.RecordListTooLarge
        or ErrorCode.TopicException
        or ErrorCode.TopicAuthorizationFailed
        or ErrorCode.UnknownTopicOrPart
        or ErrorCode.UnsupportedForMessageFormat
        or ErrorCode.PolicyViolation
        or ErrorCode.Local_UnknownTopic
        or ErrorCode.Local_UnknownPartition
        or ErrorCode.Local_InvalidArg;
}
