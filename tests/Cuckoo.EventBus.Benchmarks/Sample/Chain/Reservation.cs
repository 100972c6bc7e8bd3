namespace Cuckoo.EventBus.Benchmarks.Sample.Chain;

/// <summary>The stock's row.</summary>
public sealed class Reservation
{
    public Guid Id { get; init; } = Guid.CreateVersion7();

    public required Guid OrderId { get; init; }
}
