namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>Makes an event a dead letter.</summary>
internal sealed class HandlerRejectsException(string message) : HandlerException(message);
