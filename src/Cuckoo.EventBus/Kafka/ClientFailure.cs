namespace Cuckoo.EventBus.Kafka;

/// <summary>What can be done about an error that a consumer's client reports.</summary>
internal enum ClientFailure
{
    /// <summary>Nothing, or another client.</summary>
    Other,

    /// <summary>Another member took over this one's <c>group.instance.id</c>. Coming back would fence that one in turn.</summary>
    Fenced,

    /// <summary>The <c>group.instance.id</c> is still a member's that left without a word (KIP-848). Its session ends some time.</summary>
    Unreleased,

    /// <summary>Rights or settings, which only a person can change, here or at the broker.</summary>
    Refused,

    /// <summary>A topic that is not there.</summary>
    NoTopic,
}
