namespace Samples.Tests.Shop;

/// <summary>What the four services have on record for one order.</summary>
/// <param name="Status">At Orders.</param>
/// <param name="Reason">Why it is cancelled, at Orders.</param>
/// <param name="Payment">Its state at Payments.</param>
/// <param name="Ledger">The amounts moved, the first one first.</param>
/// <param name="Goods">The state of its reservation at Inventory.</param>
/// <param name="Told">The types of the events that the customer was told of.</param>
internal sealed record OrderFile(string Status, string? Reason, string? Payment, string Ledger, string? Goods, string Told)
{
    /// <summary>How the file of an order looks that went well.</summary>
    public static OrderFile Completed(string amount) => new("Completed", null, "Charged", amount, "Deducted", "order.completed");

    /// <summary>Whether it is one of the ways in which the file of an order cancelled by its customer may end.</summary>
    public bool IsOfCancelled(string amount) =>
        this is { Status: "Cancelled", Reason: "cancelled by the customer", Payment: "Refunded", Goods: "Released" or "Void", Told: "order.cancelled" }
        && Ledger == $"{amount} -{amount}";
}
