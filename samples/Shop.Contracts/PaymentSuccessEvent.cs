using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The customer has paid. Says for what, so that Inventory need not wait for <see cref="OrderCreatedEvent"/>, which comes by another topic.</summary>
[Event("payment.success", Topic = "payment-events")]
public sealed record PaymentSuccessEvent(Guid OrderId, decimal Amount, string Sku, int Quantity) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
