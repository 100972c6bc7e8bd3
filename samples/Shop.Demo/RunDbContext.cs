using Microsoft.EntityFrameworkCore;

namespace Shop.Demo;

/// <summary>The demo's own database.</summary>
internal sealed class RunDbContext(DbContextOptions<RunDbContext> options) : DbContext(options)
{
    public DbSet<Run> Runs => Set<Run>();
}
