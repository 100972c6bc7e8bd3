using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;
using Shop.Contracts;
using Shop.ServiceDefaults;

namespace Shop.Inventory;

/// <summary>The service's registration, for its own host and for the demo's.</summary>
public static class InventoryService
{
    public static void AddInventory(this IHostApplicationBuilder builder)
    {
        builder.AddShopDatabase<InventoryDbContext>("inventory");
        builder.Services.AddCuckooEventBus(bus => bus
            .UseOutbox<InventoryDbContext>()
            .Publishes<InventoryDeductedEvent>()
            .Publishes<InventoryReleasedEvent>()
            .Publishes<OutOfStockEvent>()
            .AddConsumer<ReserveStock>());
    }

    public static void MapInventory(this IEndpointRouteBuilder app)
    {
        app.MapGet("/products", (InventoryDbContext db, CancellationToken ct) => db.Products.OrderBy(p => p.Sku).ToListAsync(ct));
        app.MapGet("/reservations/{orderId:guid}", async (Guid orderId, InventoryDbContext db, CancellationToken ct) =>
            await db.Reservations.FindAsync([orderId], ct) is { } reservation ? Results.Ok(reservation) : Results.NotFound());
    }
}
