using Confluent.Kafka;

namespace Cuckoo.EventBus.Kafka;

/// <summary>The broker's answer to one record.</summary>
/// <param name="Outcome">What it means.</param>
/// <param name="Error">What the client said; <see langword="null"/> when the record is acknowledged.</param>
/// <param name="IsTooLarge">Whether it was refused for its size, or for that of another one of its batch.</param>
internal readonly record struct SendResult(SendOutcome Outcome, string? Error, bool IsTooLarge = false)
{
    /// <summary>Whether the client's own queue had no room: it may be handed over again as soon as others are answered.</summary>
    public bool IsQueueFull { get; init; }

    public bool IsAcknowledged => Outcome == SendOutcome.Acknowledged;

    public static SendResult From(Error error) =>
        error.IsError ? new(OutcomeOf(error.Code), $"{error.Code}: {error.Reason}", IsSizeRefused(error.Code)) { IsQueueFull = error.Code == ErrorCode.Local_QueueFull } : default;

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
