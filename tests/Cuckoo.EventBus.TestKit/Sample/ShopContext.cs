using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.TestKit.Sample;

public class ShopContext : DbContext
{
    public ShopContext(DbContextOptions<ShopContext> options)
        : base(options)
    {
    }

    protected ShopContext(DbContextOptions options)
        : base(options)
    {
    }

    /// <summary>How many lanes the model says there are.</summary>
    protected virtual int Lanes => 16;

    public DbSet<Order> Orders => Set<Order>();

    /// <summary>What handlers did.</summary>
    public DbSet<Effect> Effects => Set<Effect>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Order>(e =>
        {
            e.Property(o => o.Stamp).IsConcurrencyToken();
            e.Ignore(o => o.DomainEvents);
        });
        modelBuilder.AddEventBus(tables => tables.Lanes = Lanes);
    }
}

/// <summary>A second database in the same service.</summary>
public sealed class BillingContext(DbContextOptions<BillingContext> options) : ShopContext(options);

public sealed class Order : IHasDomainEvents
{
    private readonly List<object> _events = [];

    public required string Id { get; init; }

    /// <summary>Counted up under the row's lock by whoever changes the order.</summary>
    public int Number { get; set; }

    public int Stamp { get; set; }

    public IReadOnlyCollection<object> DomainEvents => _events;

    public void Raise(object e) => _events.Add(e);

    public void ClearDomainEvents() => _events.Clear();
}

public sealed class Effect
{
    public long Id { get; init; }

    public required string Consumer { get; init; }

    public required string EventId { get; init; }

    public string? Key { get; init; }

    public int Number { get; init; }
}
