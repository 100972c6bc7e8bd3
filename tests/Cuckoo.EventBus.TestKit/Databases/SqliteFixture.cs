using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Cuckoo.EventBus.TestKit;

/// <summary>SQLite: a file per test, with a write-ahead log.</summary>
public sealed class SqliteFixture : DatabaseFixture
{
    public override async Task<TestDatabase> CreateAsync<TContext>()
    {
        var database = new SqliteDatabase();
        await using var context = database.CreateContext<TContext>();
        await context.Database.EnsureCreatedAsync();
        return database;
    }

    public override Task<TestDatabase> CreateEmptyAsync() => Task.FromResult<TestDatabase>(new SqliteDatabase());

    private sealed class SqliteDatabase : TestDatabase
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("eventbus-sqlite-").FullName;

        public SqliteDatabase()
        {
            ConnectionString = $"Data Source={Path.Combine(_folder, "test.db")}";
            using var connection = new SqliteConnection(ConnectionString);
            connection.Open();
            using var command = connection.CreateCommand();
            // The mode stays with the file. Nothing here survives the test, so nothing needs to reach the disk.
            command.CommandText = "PRAGMA journal_mode = WAL";
            command.ExecuteNonQuery();
        }

        public override string ConnectionString { get; }

        public override bool IsPostgreSql => false;

        public override void Configure(DbContextOptionsBuilder options, bool retrying = false) =>
            options.UseSqlite(ConnectionString, sqlite => _ = retrying ? sqlite.ExecutionStrategy(static d => new RetryingStrategy(d)) : sqlite);

        public override ValueTask DisposeAsync()
        {
            using (var connection = new SqliteConnection(ConnectionString))
            {
                SqliteConnection.ClearPool(connection);
            }

            Directory.Delete(_folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>The provider has none of its own; users bring theirs.</summary>
    private sealed class RetryingStrategy(ExecutionStrategyDependencies dependencies) : ExecutionStrategy(dependencies, 5, TimeSpan.FromSeconds(1))
    {
        protected override bool ShouldRetryOn(Exception exception) => exception is SqliteException { SqliteErrorCode: 5 or 6 } or TimeoutException;
    }
}
