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

        // For the people who run the service. One that has users needs a login here.
        app.MapGet("/dead-letters", (IDeadLetterAdministration letters, CancellationToken ct) => letters.ListAsync(new DeadLetterFilter(), ct));
        app.MapPost("/dead-letters/{id:long}/replay", async (long id, IDeadLetterAdministration letters, CancellationToken ct) =>
            await letters.ReplayAsync(new DeadLetterFilter { Ids = [id] }, ct: ct) is { Decided: 1 } ? Results.Accepted() : Results.NotFound());
    }
}
