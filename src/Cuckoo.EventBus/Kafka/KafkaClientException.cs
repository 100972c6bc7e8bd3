using Confluent.Kafka;

namespace Cuckoo.EventBus.Kafka;

/// <summary>What a consumer's client reported.</summary>
internal sealed class KafkaClientException(Error error, string? topic = null) : Exception($"{error.Code}: {error.Reason}")
{
    public string Code { get; } = error.Code.ToString();

    public string Reason { get; } = error.Reason;

    /// <summary>The topic that it is about, where it is about one.</summary>
    public string? Topic { get; } = string.IsNullOrEmpty(topic) ? null : topic;

    /// <summary>Whether the client is of no use any more.</summary>
    public bool IsFatal { get; } = error.IsFatal || error.Code is ErrorCode.Local_Fatal;

    public ClientFailure Kind { get; } = KindOf(error.Code);

    private static ClientFailure KindOf(ErrorCode code) => code switch
    {
        ErrorCode.FencedInstanceId => ClientFailure.Fenced,
        ErrorCode.UnreleasedInstanceId => ClientFailure.Unreleased,
        ErrorCode.TopicAuthorizationFailed
            or ErrorCode.GroupAuthorizationFailed
            or ErrorCode.ClusterAuthorizationFailed
            or ErrorCode.SaslAuthenticationFailed
            or ErrorCode.UnsupportedSaslMechanism
            or ErrorCode.IllegalSaslState
            or ErrorCode.SecurityDisabled
            or ErrorCode.Local_Authentication
            or ErrorCode.Local_Ssl
            or ErrorCode.Local_InvalidArg
            or ErrorCode.InvalidGroupId
            or ErrorCode.InvalidSessionTimeout
            or ErrorCode.InconsistentGroupProtocol
            or ErrorCode.GroupMaxSizeReached
            or ErrorCode.UnsupportedVersion
            or ErrorCode.InvalidConfig
            or ErrorCode.PolicyViolation
            or ErrorCode.InvalidRequest => ClientFailure.Refused,
        ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic or ErrorCode.Local_UnknownPartition => ClientFailure.NoTopic,
        // Unknown to the binding's list of names: UNSUPPORTED_ASSIGNOR (KIP-848).
        (ErrorCode)112 => ClientFailure.Refused,
        _ => ClientFailure.Other,
    };
}
