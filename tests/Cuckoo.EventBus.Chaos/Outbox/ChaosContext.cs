using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>The workers' database.</summary>
internal sealed class ChaosContext(DbContextOptions<ChaosContext> options) : DbContext(options)
{
    public DbSet<Counter> Counters => Set<Counter>();

    public DbSet<Witness> Witnesses => Set<Witness>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Counter>(e =>
        {
            e.ToTable("counters");
            e.HasKey(c => c.Key);
            e.Property(c => c.Key).HasColumnName("key");
            e.Property(c => c.Number).HasColumnName("number").IsConcurrencyToken();
            e.Ignore(c => c.DomainEvents);
        });
        modelBuilder.Entity<Witness>(e =>
        {
            e.ToTable("witnesses");
            e.Property(w => w.Id).HasColumnName("id").ValueGeneratedNever();
            e.Property(w => w.Key).HasColumnName("key");
            e.Property(w => w.Number).HasColumnName("number");
            e.Property(w => w.Worker).HasColumnName("worker");
            e.Property(w => w.At).HasColumnName("at");
        });
        modelBuilder.AddEventBus();
    }
}
