namespace Shop.Inventory;

/// <summary>What is on the shelf.</summary>
public sealed class Product
{
    public required string Sku { get; set; }

    /// <summary>How many there have ever been.</summary>
    public int Received { get; set; }

    /// <summary>How many can be sold. Never below zero.</summary>
    public int Stock { get; set; }
}
