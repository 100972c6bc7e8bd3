namespace Cuckoo.EventBus.Benchmarks.Sample.Chain;

/// <summary>The orders' event, for the payments.</summary>
[Event("bench.order-placed", Topic = TopicName)]
public sealed record OrderPlaced(Guid OrderId, decimal Total) : DomainEvent
{
    public const string TopicName = "bench-orders";

    public override string PartitionKey => OrderId.ToString();
}
