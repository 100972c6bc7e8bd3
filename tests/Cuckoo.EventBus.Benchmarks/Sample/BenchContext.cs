using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Benchmarks.Sample;

/// <summary>A service's context: a business table, and the bus's.</summary>
public sealed class BenchContext(DbContextOptions<BenchContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Order>(e => e.ToTable("orders").Property(o => o.Id).ValueGeneratedNever());
        modelBuilder.AddEventBus();
    }
}
