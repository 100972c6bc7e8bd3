using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;

namespace Samples.Tests.Readme;

public sealed class PaymentsDbContext(DbContextOptions<PaymentsDbContext> options) : DbContext(options)
{
    public DbSet<Payment> Payments => Set<Payment>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddEventBus();
}
