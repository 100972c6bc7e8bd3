using Cuckoo.EventBus;

namespace Shop.Contracts;

/// <summary>The customer has been told.</summary>
[Event("notification.sent", Topic = "notification-events")]
public sealed record NotificationSentEvent(Guid OrderId, string Email, string Subject) : DomainEvent
{
    public override string PartitionKey => OrderId.ToString();
}
