namespace Cuckoo.EventBus.Chaos.Outbox.BrokenRelays;

/// <summary>As much of an outbox row as these relays need.</summary>
internal sealed record BrokenRelayRow(long Id, string Topic, byte[]? Key, string EventId, byte[] Payload);
