namespace Shop.Orders;

/// <summary>What the shop sells, and for how much.</summary>
public static class PriceList
{
    public static IReadOnlyDictionary<string, decimal> Prices { get; } = new Dictionary<string, decimal>
    {
        ["book"] = 12.50m,
        ["mug"] = 8m,
        // There are few of it: orders compete.
        ["record"] = 25m,
        // More than Payments lets anybody spend at once.
        ["piano"] = 4800m,
    };
}
