using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Storage;

/// <summary>Tables that are not what this version needs are found when the service starts, not when the first event is stuck.</summary>
public abstract class SchemaCheckTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task A_table_of_an_older_version_is_named_with_its_missing_columns()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        await ExecuteAsync(database, "ALTER TABLE outbox_lanes DROP COLUMN floor");
        await ExecuteAsync(database, "ALTER TABLE outbox_messages DROP COLUMN last_error");

        var error = await Assert.ThrowsAsync<EventBusConfigurationException>(() => bus.StartAsync<ShopContext>("shop", database));

        Assert.Equal(2, error.Errors.Count);
        Assert.Contains(error.Errors, e => e.Contains("outbox_lanes", StringComparison.Ordinal) && e.Contains("ShopContext lacks floor:", StringComparison.Ordinal) && e.Contains("dotnet ef migrations add", StringComparison.Ordinal));
        Assert.Contains(error.Errors, e => e.Contains("outbox_messages", StringComparison.Ordinal) && e.Contains("lacks last_error:", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_migration_that_nobody_applied_is_named()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        await ExecuteAsync(database, "ALTER TABLE outbox_lanes DROP COLUMN floor");
        var service = bus.Build("shop", services =>
        {
            services.AddDbContext<MigratedContext>(options => database.Configure(options));
            services.AddCuckooEventBus(b => b.UseOutbox<MigratedContext>());
        });

        var error = await Assert.ThrowsAsync<EventBusConfigurationException>(service.StartAsync);

        Assert.Contains($"Apply the context's pending migrations: {AddFloor.Id}.", Assert.Single(error.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_without_any_table_is_no_error_yet()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        await using var database = await databases.CreateEmptyAsync();

        var shop = await bus.StartAsync<ShopContext>("shop", database);

        Assert.Contains(shop.Log.Entries, e => e.Id.Id == 900);
        await shop.StopAsync();
    }

    protected static async Task ExecuteAsync(TestDatabase database, string sql)
    {
        await using var db = database.CreateContext<ShopContext>();
        await db.Database.ExecuteSqlRawAsync(sql, TestContext.Current.CancellationToken);
    }
}

public sealed class Schema_check_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : SchemaCheckTests(kafka, databases)
{
    private readonly KafkaFixture _kafka = kafka;
    private readonly PostgresFixture _databases = databases;

    [Theory]
    [InlineData("repeatable read")]
    [InlineData("serializable")]
    public async Task Another_isolation_level_than_read_committed_is_refused(string level)
    {
        await using var bus = await TestBus.CreateAsync(_kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(_databases);
        await ExecuteAsync(database, $"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''{level}''', current_database()); END $$");
        await using (var connection = new Npgsql.NpgsqlConnection(database.ConnectionString))
        {
            Npgsql.NpgsqlConnection.ClearPool(connection);
        }

        var error = await Assert.ThrowsAsync<EventBusConfigurationException>(() => bus.StartAsync<ShopContext>("shop", database));

        Assert.Contains($"isolation level {level};", Assert.Single(error.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_away_when_the_service_starts_is_no_error()
    {
        await using var bus = await TestBus.CreateAsync(_kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(_databases);
        var isThere = false;
        var away = new Npgsql.NpgsqlConnectionStringBuilder(database.ConnectionString) { Port = ServerProcess.FreePort() }.ConnectionString;
        var shop = bus.Build("shop", services =>
        {
            services.AddDbContext<ShopContext>(options => options.UseNpgsql(Volatile.Read(ref isThere) ? database.ConnectionString : away), ServiceLifetime.Scoped, ServiceLifetime.Scoped);
            services.AddCuckooEventBus(b => b.UseOutbox<ShopContext>());
        });

        await shop.StartAsync();
        Volatile.Write(ref isThere, true);
        await shop.InScopeAsync(async scope =>
        {
            var db = scope.GetRequiredService<ShopContext>();
            await db.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
        });

        Assert.Single(await bus.ReadAsync(Topics.Orders, 1));
    }
}

public sealed class Schema_check_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : SchemaCheckTests(kafka, databases);

/// <summary>A context with a migration that nobody applied.</summary>
public sealed class MigratedContext(DbContextOptions<MigratedContext> options) : ShopContext(options);

[DbContext(typeof(MigratedContext))]
[Migration(Id)]
public sealed class AddFloor : Migration
{
    public const string Id = "20260101000000_AddFloor";

    protected override void Up(MigrationBuilder migrationBuilder)
    {
        // It is only asked for its name.
    }
}
