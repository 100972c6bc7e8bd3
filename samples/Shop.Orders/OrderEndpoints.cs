using System.Diagnostics;
using Microsoft.EntityFrameworkCore;

namespace Shop.Orders;

internal static class OrderEndpoints
{
    public static async Task<IResult> PlaceAsync(PlaceOrder request, OrdersDbContext db, TimeProvider time, CancellationToken ct)
    {
        if (!PriceList.Prices.TryGetValue(request.Sku, out var price) || request.Quantity is < 1 or > 100)
        {
            return Results.Problem($"'{request.Quantity} × {request.Sku}' can't be ordered. Order 1 to 100 of: {string.Join(", ", PriceList.Prices.Keys)}.", statusCode: 400);
        }

        var id = request.OrderId ?? Guid.CreateVersion7();
        if (await db.Orders.FindAsync([id], ct) is { } placedBefore)
        {
            return Results.Ok(placedBefore);
        }

        // The order raises OrderCreatedEvent, so saving it publishes that: both commit, or neither does.
        var order = Order.Place(id, request.Email, request.Sku, request.Quantity, price * request.Quantity, time.GetUtcNow(), Activity.Current?.TraceId.ToString());
        db.Orders.Add(order);
        await db.SaveChangesAsync(ct);
        return Results.Created($"/orders/{id}", order);
    }

    public static async Task<IResult> GetAsync(Guid id, OrdersDbContext db, CancellationToken ct) =>
        await db.Orders.FindAsync([id], ct) is { } order ? Results.Ok(order) : Results.NotFound();

    public static Task<IResult> ChangeAsync(Guid id, ChangeOrder request, OrdersDbContext db, CancellationToken ct) =>
        ChangeAsync(db, id, order => order.ChangeEmail(request.Email), ct);

    public static Task<IResult> CancelAsync(Guid id, OrdersDbContext db, TimeProvider time, CancellationToken ct) =>
        ChangeAsync(db, id, order => order.Cancel("cancelled by the customer", time.GetUtcNow()), ct);

    private static async Task<IResult> ChangeAsync(OrdersDbContext db, Guid id, Func<Order, bool> change, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.LockOrderAsync(id, ct) is not { } order)
        {
            return Results.NotFound();
        }

        if (!change(order))
        {
            return Results.Problem($"Order {id} is {order.Status} already.", statusCode: 409);
        }

        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Results.Ok(order);
    }
}
