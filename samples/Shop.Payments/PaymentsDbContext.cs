using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;

namespace Shop.Payments;

public sealed class PaymentsDbContext(DbContextOptions<PaymentsDbContext> options) : DbContext(options)
{
    public DbSet<Payment> Payments => Set<Payment>();

    public DbSet<LedgerEntry> Ledger => Set<LedgerEntry>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.AddEventBus();
        modelBuilder.Entity<Payment>(payment =>
        {
            payment.HasKey(p => p.OrderId);
            payment.Property(p => p.OrderId).ValueGeneratedNever();
            payment.Property(p => p.State).HasConversion<string>();
        });
        modelBuilder.Entity<LedgerEntry>().HasIndex(e => e.OrderId);
    }
}
