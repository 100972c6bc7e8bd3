namespace Shop.Inventory;

/// <summary>The goods of one order.</summary>
public sealed class Reservation
{
    public Guid OrderId { get; set; }

    public ReservationState State { get; set; }

    public string Sku { get; set; } = "";

    public int Quantity { get; set; }

    /// <summary>The trace of the event that made this row.</summary>
    public string? TraceId { get; set; }
}
