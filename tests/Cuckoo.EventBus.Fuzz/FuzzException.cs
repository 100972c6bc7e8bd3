namespace Cuckoo.EventBus.Fuzz;

/// <summary>It could not be tried; the message says why.</summary>
internal sealed class FuzzException(string message) : Exception(message);
