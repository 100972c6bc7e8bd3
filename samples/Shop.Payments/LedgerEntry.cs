namespace Shop.Payments;

/// <summary>Money that moved: charges are positive, refunds negative. Only ever added to, so that nothing can hide.</summary>
public sealed class LedgerEntry
{
    public long Id { get; set; }

    public Guid OrderId { get; set; }

    public decimal Amount { get; set; }

    public DateTimeOffset At { get; set; }
}
