namespace Shop.Orders;

/// <summary>The body of <c>POST /orders</c>.</summary>
/// <param name="Email">Where the customer is told.</param>
/// <param name="Sku">One of <see cref="PriceList"/>.</param>
/// <param name="Quantity">1 to 100.</param>
/// <param name="OrderId">Chosen by the client, a request can be repeated safely. Default: a new one.</param>
public sealed record PlaceOrder(string Email, string Sku, int Quantity, Guid? OrderId = null);
