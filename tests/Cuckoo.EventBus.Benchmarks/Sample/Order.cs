namespace Cuckoo.EventBus.Benchmarks.Sample;

/// <summary>The business row of a transaction.</summary>
public sealed class Order
{
    public Guid Id { get; init; } = Guid.CreateVersion7();

    public required string Customer { get; init; }

    public decimal Total { get; init; }

    public DateTime PlacedAt { get; init; } = DateTime.UtcNow;

    /// <summary>At the end of the chain, where there is one.</summary>
    public DateTime? ConfirmedAt { get; set; }
}
