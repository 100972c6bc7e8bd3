using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Cuckoo.EventBus.TestKit;

/// <summary>
/// PostgreSQL: one server for an assembly, started by the first test that asks for it, and a database per test, copied from a
/// template that has the context's tables. The server is the one that <c>EVENTBUS_TEST_POSTGRES</c> names, or one started
/// from the machine's own binaries.
/// </summary>
public sealed class PostgresFixture : DatabaseFixture
{
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly Lazy<Task<PostgresServer?>> _server = new(() => PostgresServer.FindOrStartAsync());
    private readonly ConcurrentDictionary<Type, Lazy<Task<string>>> _templates = new();
    private int _databases;

    public override async Task<TestDatabase> CreateAsync<TContext>()
    {
        var server = await ServerAsync();
        var template = await _templates.GetOrAdd(typeof(TContext), _ => new(() => CreateTemplateAsync<TContext>(server))).Value;
        return await CreateDatabaseAsync(server, $"TEMPLATE {template}");
    }

    public override async Task<TestDatabase> CreateEmptyAsync() => await CreateDatabaseAsync(await ServerAsync(), "");

    /// <summary>The server itself, for programs that create their own databases. Ends the test where there is none.</summary>
    public async Task<PostgresServer> ServerAsync()
    {
        var server = await _server.Value;
        if (server is null)
        {
            Requirement.Missing("No PostgreSQL: install its server (Debian: postgresql), or set EVENTBUS_TEST_POSTGRES to a connection string");
        }

        return server;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_server.IsValueCreated && _server.Value is { IsCompletedSuccessfully: true, Result: { } server })
        {
            foreach (var template in _templates.Values.Where(t => t.Value.IsCompletedSuccessfully))
            {
                await server.ExecuteAsync($"DROP DATABASE {await template.Value}");
            }

            await server.DisposeAsync();
        }

        await base.DisposeAsync();
    }

    private async Task<string> CreateTemplateAsync<TContext>(PostgresServer server)
        where TContext : DbContext
    {
        var name = $"template_{typeof(TContext).Name.ToLowerInvariant()}_{_run}";
        // A template is copied only while nobody is connected to it.
        var options = new DbContextOptionsBuilder<TContext>().UseNpgsql(new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name, Pooling = false }.ConnectionString);
        await using var context = (TContext)Activator.CreateInstance(typeof(TContext), options.Options)!;
        await context.Database.EnsureCreatedAsync();
        return name;
    }

    private async Task<TestDatabase> CreateDatabaseAsync(PostgresServer server, string template)
    {
        var name = $"test_{_run}_{Interlocked.Increment(ref _databases)}";
        await server.ExecuteAsync($"CREATE DATABASE {name} {template}");
        return new PostgresDatabase(server, name);
    }

    private sealed class PostgresDatabase(PostgresServer server, string name) : TestDatabase
    {
        public override string ConnectionString { get; } =
            new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name, MaxPoolSize = 40 }.ConnectionString;

        public override bool IsPostgreSql => true;

        public override void Configure(DbContextOptionsBuilder options, bool retrying = false) =>
            options.UseNpgsql(ConnectionString, npgsql => _ = retrying ? npgsql.EnableRetryOnFailure() : npgsql);

        public override async ValueTask DisposeAsync()
        {
            await using (var connection = new NpgsqlConnection(ConnectionString))
            {
                NpgsqlConnection.ClearPool(connection);
            }

            await server.ExecuteAsync($"DROP DATABASE {name} WITH (FORCE)");
        }
    }
}
