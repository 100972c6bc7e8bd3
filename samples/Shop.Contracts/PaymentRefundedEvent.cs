using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The customer has the money of a cancelled order back.</summary>
[Event("payment.refunded", Topic = "payment-events")]
public sealed record PaymentRefundedEvent(Guid OrderId, decimal Amount) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
