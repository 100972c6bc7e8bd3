namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>How much of a backlog was sent at a time.</summary>
internal readonly record struct DrainSample(TimeSpan At, long Count);
