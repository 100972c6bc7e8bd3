namespace Cuckoo.EventBus.Benchmarks.Sample.Chain;

/// <summary>The stock's event, for the orders.</summary>
[Event("bench.stock-reserved", Topic = TopicName)]
public sealed record StockReserved(Guid OrderId) : DomainEvent
{
    public const string TopicName = "bench-stock";

    public override string PartitionKey => OrderId.ToString();
}
