using System.Text.Json.Serialization;

namespace Shop.Orders;

[JsonConverter(typeof(JsonStringEnumConverter<OrderStatus>))]
public enum OrderStatus
{
    Placed,
    Paid,
    Completed,
    Cancelled,
}
