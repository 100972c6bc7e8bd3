namespace Shop.Payments;

/// <summary>Where the payment of one order stands.</summary>
public sealed class Payment
{
    public Guid OrderId { get; set; }

    public PaymentState State { get; set; }

    public decimal Amount { get; set; }

    /// <summary>The trace of the event that made this row.</summary>
    public string? TraceId { get; set; }
}
