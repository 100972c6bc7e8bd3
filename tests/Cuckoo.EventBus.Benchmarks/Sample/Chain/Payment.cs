namespace Cuckoo.EventBus.Benchmarks.Sample.Chain;

/// <summary>The payments' row.</summary>
public sealed class Payment
{
    public Guid Id { get; init; } = Guid.CreateVersion7();

    public required Guid OrderId { get; init; }

    public decimal Amount { get; init; }
}
