using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>The database of the consumer that has one.</summary>
internal sealed class FuzzContext(DbContextOptions<FuzzContext> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<SeenEvent>(e =>
        {
            e.ToTable("seen");
            e.HasKey(s => s.Id);
        });
        modelBuilder.AddEventBus();
    }
}

/// <summary>The effect of an event: its text, whatever that contains.</summary>
internal sealed class SeenEvent
{
    public long Id { get; set; }

    public string Text { get; set; } = "";
}
