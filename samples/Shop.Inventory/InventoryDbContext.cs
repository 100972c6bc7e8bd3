using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;

namespace Shop.Inventory;

public sealed class InventoryDbContext(DbContextOptions<InventoryDbContext> options) : DbContext(options)
{
    public DbSet<Product> Products => Set<Product>();

    public DbSet<Reservation> Reservations => Set<Reservation>();

    /// <summary>
    /// The reservation of an order, made if there is none, and locked until the transaction ends: who comes second waits here,
    /// and then sees what the first one did.
    /// </summary>
    public async Task<Reservation> LockReservationAsync(Guid orderId, CancellationToken ct)
    {
        // EF Core has no upsert; this one is understood by PostgreSQL and SQLite.
        await Database.ExecuteSqlAsync(
            $"""
            INSERT INTO "Reservations" ("OrderId", "State", "Sku", "Quantity") VALUES ({orderId}, 'Open', '', 0)
            ON CONFLICT ("OrderId") DO UPDATE SET "State" = "Reservations"."State"
            """,
            ct);
        return await Reservations.SingleAsync(r => r.OrderId == orderId, ct);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.AddEventBus();
        modelBuilder.Entity<Product>(product =>
        {
            product.HasKey(p => p.Sku);
            product.HasData(
                new Product { Sku = "book", Received = 1_000_000, Stock = 1_000_000 },
                new Product { Sku = "mug", Received = 1_000_000, Stock = 1_000_000 },
                new Product { Sku = "record", Received = 20, Stock = 20 },
                new Product { Sku = "piano", Received = 3, Stock = 3 });
        });
        modelBuilder.Entity<Reservation>(reservation =>
        {
            reservation.HasKey(r => r.OrderId);
            reservation.Property(r => r.OrderId).ValueGeneratedNever();
            reservation.Property(r => r.State).HasConversion<string>();
        });
    }
}
