using Microsoft.EntityFrameworkCore;
using Shop.Inventory;
using Shop.Notifications;
using Shop.Orders;
using Shop.Payments;

namespace Shop.Demo;

/// <summary>Everything the four services have on record, read once the shop has come to rest.</summary>
internal sealed class Books
{
    public required IReadOnlyList<Order> Orders { get; init; }

    public required IReadOnlyDictionary<Guid, Payment> Payments { get; init; }

    public required ILookup<Guid, LedgerEntry> Ledger { get; init; }

    public required IReadOnlyDictionary<Guid, Reservation> Reservations { get; init; }

    public required IReadOnlyList<Product> Products { get; init; }

    public required ILookup<Guid, Notification> Notifications { get; init; }

    public required IReadOnlyList<SentMail> Mails { get; init; }

    public required IReadOnlyDictionary<string, List<DeadLetterRow>> DeadLetters { get; init; }

    public required IReadOnlyDictionary<string, int> Applied { get; init; }

    public required TopicContents Topics { get; init; }

    public static async Task<Books> ReadAsync(ShopHosts shop, Topics topics, Run run) => new()
    {
        Orders = await shop.QueryAsync<OrdersDbContext, List<Order>>(Flow.Orders, db => db.Orders.AsNoTracking().ToListAsync()),
        Payments = await shop.QueryAsync<PaymentsDbContext, Dictionary<Guid, Payment>>(
            Flow.Payments, db => db.Payments.AsNoTracking().ToDictionaryAsync(p => p.OrderId)),
        Ledger = (await shop.QueryAsync<PaymentsDbContext, List<LedgerEntry>>(
            Flow.Payments, db => db.Ledger.AsNoTracking().OrderBy(e => e.Id).ToListAsync())).ToLookup(e => e.OrderId),
        Reservations = await shop.QueryAsync<InventoryDbContext, Dictionary<Guid, Reservation>>(
            Flow.Inventory, db => db.Reservations.AsNoTracking().ToDictionaryAsync(r => r.OrderId)),
        Products = await shop.QueryAsync<InventoryDbContext, List<Product>>(Flow.Inventory, db => db.Products.AsNoTracking().ToListAsync()),
        Notifications = (await shop.QueryAsync<NotificationsDbContext, List<Notification>>(
            Flow.Notifications, db => db.Notifications.AsNoTracking().ToListAsync())).ToLookup(n => n.OrderId),
        Mails = await shop.QueryAsync<NotificationsDbContext, List<SentMail>>(Flow.Notifications, db => db.SentMails.AsNoTracking().ToListAsync()),
        DeadLetters = await shop.QueryEachAsync(db => db.DeadLettersAsync()),
        Applied = await shop.QueryEachAsync(db => db.AppliedAsync()),
        Topics = TopicContents.Read(topics, run),
    };
}
