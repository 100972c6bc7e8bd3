namespace Shop.Notifications;

/// <summary>That a customer was told.</summary>
public sealed class Notification
{
    /// <summary>The event that the customer was told about.</summary>
    public Guid EventId { get; set; }

    public required string EventType { get; set; }

    public Guid OrderId { get; set; }

    public required string Email { get; set; }

    public string? TraceId { get; set; }
}
