namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>What a service is not there that a handler needs for some keys.</summary>
internal sealed class FaultException() : Exception("The fault is on.");
