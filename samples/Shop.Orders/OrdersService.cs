using Cuckoo.EventBus;
using Shop.Contracts;
using Shop.ServiceDefaults;

namespace Shop.Orders;

/// <summary>The service's registration, for its own host and for the demo's.</summary>
public static class OrdersService
{
    public static void AddOrders(this IHostApplicationBuilder builder)
    {
        builder.AddShopDatabase<OrdersDbContext>("orders");
        builder.Services.AddCuckooEventBus(bus => bus
            .UseOutbox<OrdersDbContext>()
            .Publishes<OrderCreatedEvent>()
            .Publishes<OrderUpdatedEvent>()
            .Publishes<OrderCompletedEvent>()
            .Publishes<OrderCancelledEvent>()
            .AddConsumer<FollowPayment>()
            .AddConsumer<FollowInventory>());
    }

    public static void MapOrders(this IEndpointRouteBuilder app)
    {
        var orders = app.MapGroup("/orders");
        orders.MapPost("/", OrderEndpoints.PlaceAsync);
        orders.MapGet("/{id:guid}", OrderEndpoints.GetAsync);
        orders.MapPatch("/{id:guid}", OrderEndpoints.ChangeAsync);
        orders.MapPost("/{id:guid}/cancel", OrderEndpoints.CancelAsync);
    }
}
