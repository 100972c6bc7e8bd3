namespace Shop.Orders;

/// <summary>The body of <c>PATCH /orders/{id}</c>.</summary>
public sealed record ChangeOrder(string Email);
