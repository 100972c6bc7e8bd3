using Confluent.Kafka;

namespace Cuckoo.EventBus.Kafka;

/// <summary>The broker's answer to one record.</summary>
/// <param name="Outcome">What it means.</param>
/// <param name="Error">What the client said; <see langword="null"/> when the record is acknowledged.</param>
/// <param name="IsTooLarge">Whether it was refused for its size, or for that of another one of its batch.</param>
internal readonly record struct SendResult(SendOutcome Outcome, string? Error, bool IsTooLarge = false)
{
    /// <summary>librdkafka's _INVALID_DIFFERENT_RECORD, which the binding has no name for: another one of its batch is invalid.</summary>
    private const ErrorCode InvalidDifferentRecord = (ErrorCode)(-138);

    /// <summary>Whether the client's own queue had no room: it may be handed over again as soon as others are answered.</summary>
    public bool IsQueueFull { get; init; }

    /// <summary>The client's code; <see langword="null"/> where this side decided.</summary>
    public ErrorCode? Code { get; init; }

    /// <summary>One of a few names, by which metrics and spans tell errors apart.</summary>
    public string ErrorType => Code?.ToString() ?? Outcome.ToString();

    public bool IsAcknowledged => Outcome == SendOutcome.Acknowledged;

    public static SendResult From(Error error) =>
        error.IsError ? new(OutcomeOf(error.Code), $"{error.Code}: {error.Reason}", IsSizeRefused(error.Code)) { Code = error.Code, IsQueueFull = error.Code == ErrorCode.Local_QueueFull } : default;

    /// <summary>
    /// Of the record for which a producer that leaves no gaps became unusable. librdkafka takes every broker's error that it does
    /// not know for final, and so for a refusal; only that the client as a whole may not write is no record's fault.
    /// </summary>
    public static SendResult OfRefused(Error error) =>
        From(error) with { Outcome = error.Code == ErrorCode.ClusterAuthorizationFailed ? SendOutcome.Trouble : SendOutcome.Rejected };

    /// <summary>Whether a record was not written only because of another one.</summary>
    public static bool IsBehindAnother(ErrorCode code) =>
        code is ErrorCode.Local_PurgeQueue or ErrorCode.Local_PurgeInflight or ErrorCode.Local_Fatal or ErrorCode.Local_GaplessGuarantee or InvalidDifferentRecord;

    private static bool IsSizeRefused(ErrorCode code) => code is ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge or ErrorCode.InvalidMsgSize;

    private static SendOutcome OutcomeOf(ErrorCode code) => code switch
    {
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
            or ErrorCode.Local_InvalidArg => SendOutcome.Rejected,
        ErrorCode.Local_GaplessGuarantee => SendOutcome.HeldBack,
        _ => SendOutcome.Trouble,
    };
}
