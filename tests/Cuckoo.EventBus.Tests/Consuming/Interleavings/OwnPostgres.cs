using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>Databases on a server that one test may stop and start.</summary>
internal sealed class OwnPostgres(PostgresServer server) : DatabaseFixture
{
    private int _databases;

    public override async Task<TestDatabase> CreateAsync<TContext>()
    {
        var database = await CreateEmptyAsync();
        await using var context = database.CreateContext<TContext>();
        await context.Database.EnsureCreatedAsync();
        return database;
    }

    public override Task<TestDatabase> CreateEmptyAsync() =>
        Task.FromResult<TestDatabase>(new OwnDatabase(new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = $"own_{++_databases}", MaxPoolSize = 40 }.ConnectionString));

    private sealed class OwnDatabase(string connectionString) : TestDatabase
    {
        public override string ConnectionString => connectionString;

        public override bool IsPostgreSql => true;

        public override void Configure(DbContextOptionsBuilder options, bool retrying = false) =>
            options.UseNpgsql(connectionString, npgsql => _ = retrying ? npgsql.EnableRetryOnFailure() : npgsql);

        public override ValueTask DisposeAsync()
        {
            using var connection = new NpgsqlConnection(connectionString);
            NpgsqlConnection.ClearPool(connection);
            return ValueTask.CompletedTask;
        }
    }
}
