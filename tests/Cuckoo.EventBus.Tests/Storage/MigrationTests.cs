using System.Data.Common;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Storage;

/// <summary>The tables as a migration of the user's makes them.</summary>
public abstract class MigrationTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task A_migration_of_a_context_makes_tables_that_work()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        await using var database = await databases.CreateEmptyAsync();
        await MigrateAsync<ShopContext>(database);

        await AssertWorksAsync<ShopContext>(bus, database);
    }

    [Fact]
    public async Task Tables_with_other_names_and_another_number_of_lanes_work()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        await using var database = await databases.CreateEmptyAsync();
        await MigrateAsync<RenamedContext>(database);

        await AssertWorksAsync<RenamedContext>(bus, database);

        Assert.Equal(3, await database.AskAsync<RenamedContext, int>(db => db.Set<OutboxLane>().CountAsync(l => l.Lane != OutboxLane.Watch)));
        Assert.Equal(
            ["Given Up", "again", "lanes", "out\"box", "seen"],
            (await TablesAsync<RenamedContext>(database)).Intersect(["Given Up", "again", "lanes", "out\"box", "seen"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_indexes_of_the_outbox_hold_only_the_rows_they_are_for()
    {
        await using var database = await databases.CreateEmptyAsync();
        var commands = await MigrateAsync<ShopContext>(database);

        foreach (var (index, state) in new[] { ("pending", 0), ("waiting", 1), ("scheduled", 2), ("dead", 3) })
        {
            Assert.Contains(commands, c => c.Contains($"ix_outbox_messages_{index}", StringComparison.Ordinal) && c.Contains($"WHERE state = {state}", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_model_that_did_not_change_needs_no_migration()
    {
        await using var database = await databases.CreateEmptyAsync();
        await using var context = database.CreateContext<ShopContext>();
        var model = context.GetService<IDesignTimeModel>().Model.GetRelationalModel();

        Assert.Empty(context.GetService<IMigrationsModelDiffer>().GetDifferences(model, model));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1025)]
    public async Task A_number_of_lanes_that_cannot_be_is_refused(int lanes)
    {
        await using var database = await databases.CreateEmptyAsync();
        await using var context = database.CreateContext<BareContext>();
        context.Lanes = lanes;

        Assert.Throws<ArgumentOutOfRangeException>(() => context.Model);
    }

    /// <summary>The commands that a first migration of the context would run, run.</summary>
    private protected static async Task<IReadOnlyList<string>> MigrateAsync<TContext>(TestDatabase database)
        where TContext : DbContext
    {
        await using var context = database.CreateContext<TContext>();
        var model = context.GetService<IDesignTimeModel>().Model;
        var operations = context.GetService<IMigrationsModelDiffer>().GetDifferences(null, model.GetRelationalModel());
        var commands = context.GetService<IMigrationsSqlGenerator>().Generate(operations, model).Select(c => c.CommandText).ToList();
        await context.Database.OpenConnectionAsync();
        foreach (var text in commands)
        {
            await using DbCommand command = context.Database.GetDbConnection().CreateCommand();
            command.CommandText = text;
            await command.ExecuteNonQueryAsync();
        }

        return commands;
    }

    /// <summary>Published, relayed, consumed, applied once, and a failing one dead: every table has been used.</summary>
    private protected static async Task AssertWorksAsync<TContext>(TestBus bus, TestDatabase database)
        where TContext : ShopContext
    {
        var script = new Script();
        script[Warehouse.Ship] = h => h.Number == 2 ? throw new InvalidOperationException() : Task.CompletedTask;
        await using var service = await bus.StartAsync<TContext>("shop", database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Attempts = 1), s => s.AddSingleton(script));

        await service.InScopeAsync(async scope =>
        {
            await scope.GetRequiredService<IEventPublisher>().PublishBatchAsync([new OrderPlaced("a", 1), new OrderPlaced("a", 2), new OrderPlaced("a", 3)]);
            await scope.GetRequiredService<TContext>().SaveChangesAsync();
        });

        await Eventually.Equal(
            "3 1 0",
            () => database.AskAsync<TContext, string>(async db =>
                $"{await db.Set<EventBus.Inbox.InboxMessage>().CountAsync()} {await db.Set<EventBus.DeadLetters.DeadLetter>().CountAsync()} {await db.Set<OutboxMessage>().CountAsync()}"));
        await service.StopAsync();
    }

    private protected static async Task<IReadOnlyList<string>> TablesAsync<TContext>(TestDatabase database)
        where TContext : DbContext => await database.AskAsync<TContext, List<string>>(db => db.Database
            .SqlQueryRaw<string>(database.IsPostgreSql
                ? "SELECT tablename AS \"Value\" FROM pg_tables WHERE schemaname NOT LIKE 'pg!_%' ESCAPE '!'"
                : "SELECT name AS \"Value\" FROM sqlite_master WHERE type = 'table'")
            .ToListAsync());

    internal sealed class RenamedContext(DbContextOptions<RenamedContext> options) : ShopContext(options)
    {
        protected override void OnModelCreating(ModelBuilder modelBuilder)
        {
            modelBuilder.Entity<Order>(e => e.Ignore(o => o.DomainEvents));
            modelBuilder.AddEventBus(t =>
            {
                t.OutboxMessages = "out\"box";
                t.OutboxLanes = "lanes";
                t.InboxMessages = "seen";
                t.RetryMessages = "again";
                t.DeadLetters = "Given Up";
                t.Lanes = 3;
            });
        }
    }

    internal sealed class BareContext(DbContextOptions<BareContext> options) : DbContext(options)
    {
        public int Lanes { get; set; }

        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddEventBus(t => t.Lanes = Lanes);
    }
}

public sealed class Migration_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : MigrationTests(kafka, databases)
{
    private readonly KafkaFixture _kafka = kafka;
    private readonly PostgresFixture _databases = databases;

    [Fact]
    public async Task Tables_in_a_schema_of_their_own_work()
    {
        await using var bus = await TestBus.CreateAsync(_kafka, Topics.Orders);
        await using var database = await _databases.CreateEmptyAsync();
        await MigrateAsync<SchemaContext>(database);

        await AssertWorksAsync<SchemaContext>(bus, database);

        Assert.Equal(5, await database.AskAsync<SchemaContext, int>(db => db.Database.SqlQuery<int>($"SELECT count(*)::int AS \"Value\" FROM pg_tables WHERE schemaname = 'Event Bus'").SingleAsync()));
    }

    internal sealed class SchemaContext(DbContextOptions<SchemaContext> options) : ShopContext(options)
    {
        protected override void OnModelCreating(ModelBuilder modelBuilder)
        {
            modelBuilder.Entity<Order>(e => e.Ignore(o => o.DomainEvents));
            modelBuilder.AddEventBus(t => t.Schema = "Event Bus");
        }
    }
}

public sealed class Migration_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : MigrationTests(kafka, databases);
