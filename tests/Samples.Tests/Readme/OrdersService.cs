using Cuckoo.EventBus;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Samples.Tests.Readme;

internal static class OrdersService
{
    public static WebApplication Build(WebApplicationBuilder builder)
    {
        builder.Services.AddDbContext<OrdersDbContext>(o => o.UseNpgsql(builder.Configuration.GetConnectionString("orders")));
        builder.Services.AddCuckooEventBus(bus => bus.UseOutbox<OrdersDbContext>().Publishes<OrderCreatedEvent>());
        var app = builder.Build();
        app.MapPost("/orders", async (decimal total, OrdersDbContext db, IEventPublisher events, CancellationToken ct) =>
        {
            var order = db.Orders.Add(new Order { Total = total }).Entity;
            await events.PublishAsync(new OrderCreatedEvent(order.Id, order.Total), ct);
            await db.SaveChangesAsync(ct);
            return order.Id;
        });
        return app;
    }
}
