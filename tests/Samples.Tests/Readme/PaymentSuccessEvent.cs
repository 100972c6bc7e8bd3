using Cuckoo.EventBus;

namespace Samples.Tests.Readme;

[Event("payment.success", Topic = "payment-events")]
public sealed record PaymentSuccessEvent(Guid OrderId, decimal Total) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
