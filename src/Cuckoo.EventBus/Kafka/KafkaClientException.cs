using Confluent.Kafka;

namespace Cuckoo.EventBus.Kafka;

/// <summary>What a consumer's client reported.</summary>
internal sealed class KafkaClientException(Error error) : Exception($"{error.Code}: {error.Reason}")
{
    public string Code { get; } = error.Code.ToString();

    public string Reason { get; } = error.Reason;

    /// <summary>Whether the client is of no use any more.</summary>
    public bool IsFatal { get; } = error.IsFatal || error.Code is ErrorCode.Local_Fatal;

    /// <summary>Whether another member took over this one's <c>group.instance.id</c>. Coming back would fence that one in turn.</summary>
    public bool IsFenced { get; } = error.Code is ErrorCode.FencedInstanceId;
}
