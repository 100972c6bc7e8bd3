using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;

namespace Samples.Tests.Readme;

public sealed class OrdersDbContext(DbContextOptions<OrdersDbContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddEventBus();
}
