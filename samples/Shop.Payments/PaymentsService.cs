using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;
using Shop.Contracts;
using Shop.ServiceDefaults;

namespace Shop.Payments;

/// <summary>The service's registration, for its own host and for the demo's.</summary>
public static class PaymentsService
{
    public static void AddPayments(this IHostApplicationBuilder builder)
    {
        builder.AddShopDatabase<PaymentsDbContext>("payments");
        builder.Services.AddCuckooEventBus(bus => bus
            .UseOutbox<PaymentsDbContext>()
            .Publishes<PaymentSuccessEvent>()
            .Publishes<PaymentFailedEvent>()
            .Publishes<PaymentRefundedEvent>()
            .AddConsumer<ChargeOrders>());
    }

    public static void MapPayments(this IEndpointRouteBuilder app)
    {
        app.MapGet("/payments/{orderId:guid}", async (Guid orderId, PaymentsDbContext db, CancellationToken ct) =>
            await db.Payments.FindAsync([orderId], ct) is { } payment
                ? Results.Ok(new { payment, ledger = await db.Ledger.Where(e => e.OrderId == orderId).OrderBy(e => e.Id).ToListAsync(ct) })
                : Results.NotFound());
    }
}
