using System.Text.Json.Serialization;

namespace Shop.Payments;

[JsonConverter(typeof(JsonStringEnumConverter<PaymentState>))]
public enum PaymentState
{
    Charged,
    Declined,
    Refunded,

    /// <summary>The order was cancelled before anything was charged, and nothing will be.</summary>
    Void,
}
