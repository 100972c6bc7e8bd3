namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>A measure could not be taken.</summary>
public sealed class MeasureFailedException(string message) : Exception(message);
