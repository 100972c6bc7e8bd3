using Cuckoo.EventBus.Benchmarks.Sample.Chain;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Benchmarks.Sample;

/// <summary>A service's context: business tables, and the bus's.</summary>
public sealed class BenchContext(DbContextOptions<BenchContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    public DbSet<Payment> Payments => Set<Payment>();

    public DbSet<Reservation> Reservations => Set<Reservation>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Order>(e => e.ToTable("orders").Property(o => o.Id).ValueGeneratedNever());
        modelBuilder.Entity<Payment>(e => e.ToTable("payments").Property(p => p.Id).ValueGeneratedNever());
        modelBuilder.Entity<Reservation>(e => e.ToTable("reservations").Property(r => r.Id).ValueGeneratedNever());
        modelBuilder.AddEventBus();
    }
}
