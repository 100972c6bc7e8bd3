using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Tests.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Tests.Health;

/// <summary>Whether the tables are there, while the service runs.</summary>
public abstract class TablesHealthTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task A_database_that_has_the_tables_is_healthy_and_one_that_lost_some_is_not()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>(
            "shop", database, services: services => services.AddHealthChecks().AddCuckooEventBus(), configuration: new Dictionary<string, string?> { ["EventBus:Relay:Enabled"] = "false" });

        var before = await HealthOfAsync(shop);
        await using (var db = database.CreateContext<ShopContext>())
        {
            await db.Database.ExecuteSqlRawAsync("ALTER TABLE outbox_messages DROP COLUMN last_error", TestContext.Current.CancellationToken);
        }

        var old = await HealthOfAsync(shop);
        await using (var db = database.CreateContext<ShopContext>())
        {
            await db.Database.ExecuteSqlRawAsync("DROP TABLE outbox_messages", TestContext.Current.CancellationToken);
        }

        var missing = await HealthOfAsync(shop);

        Assert.Equal((HealthStatus.Healthy, null), (before.Status, before.Description));
        Assert.Equal("as this version needs them", before.Data["ShopContext tables"]);
        Assert.Equal(["ready"], before.Tags);
        Assert.Equal(HealthStatus.Unhealthy, old.Status);
        Assert.Contains("lacks last_error", old.Description, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Unhealthy, missing.Status);
        Assert.Contains("outbox_messages", missing.Description, StringComparison.Ordinal);
        Assert.Contains("dotnet ef migrations add", missing.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_migration_that_nobody_applied_is_named()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        await using var database = await databases.CreateEmptyAsync();
        var shop = bus.Build("shop", services =>
        {
            services.AddDbContext<MigratedContext>(options => database.Configure(options));
            services.AddCuckooEventBus(b => b.UseOutbox<MigratedContext>());
            services.AddHealthChecks().AddCuckooEventBus();
        });
        await shop.StartAsync();

        var health = await HealthOfAsync(shop);

        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.Contains($"Apply the context's pending migrations: {AddFloor.Id}.", health.Description, StringComparison.Ordinal);
        await shop.StopAsync();
    }

    [Fact]
    public async Task A_database_that_does_not_answer_is_unhealthy_at_every_check_that_asks_it()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var shop = bus.Build(
            "shop",
            services =>
            {
                services.AddDbContext<ShopContext>(Away);
                services.AddCuckooEventBus(b => b.UseOutbox<ShopContext>());
                services.AddHealthChecks().AddCuckooEventBus();
            },
            new Dictionary<string, string?> { ["EventBus:Relay:Enabled"] = "false", ["EventBus:Consumers:Enabled"] = "false" });

        foreach (var check in new[] { "cuckoo-eventbus-tables", "cuckoo-eventbus-outbox" })
        {
            var health = await HealthOfAsync(shop, check);
            Assert.Equal(HealthStatus.Unhealthy, health.Status);
            Assert.Contains("look whether the database runs", Assert.Single((IEnumerable<string>)health.Data["what to do"]), StringComparison.Ordinal);
            Assert.NotNull(health.Exception);
        }
    }

    /// <summary>A database that is not there.</summary>
    protected abstract void Away(DbContextOptionsBuilder options);

    private static async Task<HealthReportEntry> HealthOfAsync(TestService service, string check = "cuckoo-eventbus-tables") =>
        (await service.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken)).Entries[check];
}

public sealed class Tables_health_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : TablesHealthTests(kafka, databases)
{
    protected override void Away(DbContextOptionsBuilder options) => options.UseNpgsql($"Host=localhost;Port={ServerProcess.FreePort()};Username=nobody");
}

public sealed class Tables_health_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : TablesHealthTests(kafka, databases)
{
    protected override void Away(DbContextOptionsBuilder options) =>
        options.UseSqlite($"Data Source={Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"), "nowhere.db")}");
}
