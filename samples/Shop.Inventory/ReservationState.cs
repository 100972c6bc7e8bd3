using System.Text.Json.Serialization;

namespace Shop.Inventory;

[JsonConverter(typeof(JsonStringEnumConverter<ReservationState>))]
public enum ReservationState
{
    /// <summary>Nothing has been decided. Only inside a transaction.</summary>
    Open,

    Deducted,
    OutOfStock,
    Released,

    /// <summary>The order was cancelled before anything was deducted, and nothing will be.</summary>
    Void,
}
