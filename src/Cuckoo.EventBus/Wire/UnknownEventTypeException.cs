namespace Cuckoo.EventBus.Wire;

/// <summary>A record names a type of event that no consumer here knows: another version of the service may.</summary>
internal sealed class UnknownEventTypeException(string typeName, string topic)
    : EventBusException($"No consumer here knows event type '{typeName}' of topic '{topic}'.");
