using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Shop.ServiceDefaults;

/// <summary>What the four services have in common: a database, of either kind, that is created when the host starts, and whether it answers.</summary>
public static class ShopDatabase
{
    /// <summary>Adds a context on <c>ConnectionStrings:NAME</c>. Call it before <c>AddCuckooEventBus</c>: hosted services start in order.</summary>
    public static void AddShopDatabase<TContext>(this IHostApplicationBuilder builder, string name)
        where TContext : DbContext
    {
        var connectionString = builder.Configuration.GetConnectionString(name)
            ?? throw new InvalidOperationException($"ConnectionStrings:{name} is missing. Set it to a PostgreSQL or SQLite connection string.");
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddDbContext<TContext>(options => options.UseShopDatabase(connectionString));
        builder.Services.AddHostedService<CreateDatabase<TContext>>();
        builder.Services.AddHealthChecks().AddCheck<DatabaseAnswers<TContext>>("database", tags: [ShopHealth.Ready]);
    }

    /// <summary>PostgreSQL for <c>Host=…</c>, SQLite for <c>Data Source=…</c>.</summary>
    public static DbContextOptionsBuilder UseShopDatabase(this DbContextOptionsBuilder options, string connectionString) =>
        connectionString.StartsWith("Data Source=", StringComparison.OrdinalIgnoreCase)
            ? options.UseSqlite(connectionString)
            : options.UseNpgsql(connectionString);
}
