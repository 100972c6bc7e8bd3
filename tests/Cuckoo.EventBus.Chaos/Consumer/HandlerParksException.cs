namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>Parks an event.</summary>
internal sealed class HandlerParksException(string message) : HandlerException(message);
