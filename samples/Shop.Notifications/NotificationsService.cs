using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;
using Shop.Contracts;
using Shop.ServiceDefaults;

namespace Shop.Notifications;

/// <summary>The service's registration, for its own host and for the demo's.</summary>
public static class NotificationsService
{
    public static void AddNotifications(this IHostApplicationBuilder builder)
    {
        builder.AddShopDatabase<NotificationsDbContext>("notifications");
        builder.Services.AddSingleton<IMailGateway, PretendMailGateway>();
        builder.Services.AddCuckooEventBus(bus => bus
            .UseOutbox<NotificationsDbContext>()
            .Publishes<NotificationSentEvent>()
            .AddConsumer<TellCustomer>(configure: consumer =>
            {
                consumer.Transaction = ConsumerTransaction.None;
                consumer.Reject<AddressRefusedException>();
            }));
    }

    public static void MapNotifications(this IEndpointRouteBuilder app)
    {
        app.MapGet("/notifications/{orderId:guid}", (Guid orderId, NotificationsDbContext db, CancellationToken ct) =>
            db.Notifications.Where(n => n.OrderId == orderId).OrderBy(n => n.EventId).ToListAsync(ct));
    }
}
