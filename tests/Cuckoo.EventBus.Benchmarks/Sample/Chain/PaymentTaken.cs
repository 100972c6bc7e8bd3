namespace Cuckoo.EventBus.Benchmarks.Sample.Chain;

/// <summary>The payments' event, for the stock.</summary>
[Event("bench.payment-taken", Topic = TopicName)]
public sealed record PaymentTaken(Guid OrderId, decimal Amount) : DomainEvent
{
    public const string TopicName = "bench-payments";

    public override string PartitionKey => OrderId.ToString();
}
