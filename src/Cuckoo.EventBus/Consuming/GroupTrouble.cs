using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Consuming;

/// <summary>What keeps a group, or one of its topics, from being read.</summary>
/// <param name="Kind">What can be done about it.</param>
/// <param name="Topic">The topic, where it concerns only one.</param>
/// <param name="Reason">The client's words.</param>
/// <param name="Since">Since when.</param>
internal sealed record GroupTrouble(ClientFailure Kind, string? Topic, string Reason, DateTimeOffset Since);
