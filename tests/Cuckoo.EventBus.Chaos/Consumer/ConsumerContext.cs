using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>The consumers' database.</summary>
internal sealed class ConsumerContext(DbContextOptions<ConsumerContext> options) : DbContext(options)
{
    public DbSet<Applied> Applied => Set<Applied>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Position>(e =>
        {
            e.ToTable("positions");
            e.HasKey(p => new { p.Consumer, p.Key });
            e.Property(p => p.Consumer).HasColumnName("consumer");
            e.Property(p => p.Key).HasColumnName("key");
            e.Property(p => p.Ordinal).HasColumnName("ordinal");
        });
        modelBuilder.Entity<Applied>(e =>
        {
            e.ToTable("applied");
            e.Property(a => a.Id).HasColumnName("id");
            e.Property(a => a.Consumer).HasColumnName("consumer");
            e.Property(a => a.EventId).HasColumnName("event_id");
            e.Property(a => a.Key).HasColumnName("key");
            e.Property(a => a.Ordinal).HasColumnName("ordinal");
            e.Property(a => a.KafkaPartition).HasColumnName("kafka_partition");
            e.Property(a => a.KafkaOffset).HasColumnName("kafka_offset");
            e.Property(a => a.Attempt).HasColumnName("attempt");
            e.Property(a => a.AnswerId).HasColumnName("answer_id");
            e.Property(a => a.Worker).HasColumnName("worker");
            e.Property(a => a.At).HasColumnName("at");
        });
        modelBuilder.AddEventBus();
    }
}
