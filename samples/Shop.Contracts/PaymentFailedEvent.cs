using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The customer's bank has declined. Orders cancels.</summary>
[Event("payment.failed", Topic = "payment-events")]
public sealed record PaymentFailedEvent(Guid OrderId, string Reason) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
