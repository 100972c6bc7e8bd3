using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;

namespace Shop.Orders;

public sealed class OrdersDbContext(DbContextOptions<OrdersDbContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    /// <summary>
    /// Reads an order for a change and locks its row until the transaction ends. The customer, Payments and Inventory all
    /// change orders: whoever comes second waits here and then sees what the first one did.
    /// </summary>
    /// <returns>The order; null if there is none.</returns>
    public async Task<Order?> LockOrderAsync(Guid id, CancellationToken ct)
    {
        await Orders.Where(o => o.Id == id).ExecuteUpdateAsync(set => set.SetProperty(o => o.Version, o => o.Version + 1), ct);
        return await Orders.SingleOrDefaultAsync(o => o.Id == id, ct);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.AddEventBus();
        modelBuilder.Entity<Order>(order =>
        {
            order.Property(o => o.Id).ValueGeneratedNever();
            order.Property(o => o.Status).HasConversion<string>();
        });
    }
}
