namespace Cuckoo.EventBus.Chaos;

/// <summary>The run can't go on, for a reason that says nothing about the library. The message is for a person.</summary>
internal sealed class ChaosException(string message, Exception? inner = null) : Exception(message, inner);
