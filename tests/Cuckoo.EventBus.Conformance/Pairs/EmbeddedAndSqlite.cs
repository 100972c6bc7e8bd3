using Microsoft.Data.Sqlite;

namespace Cuckoo.EventBus.Conformance.Pairs;

/// <summary>The broker inside the process, and SQLite: what users' own tests have.</summary>
public sealed class EmbeddedAndSqlite : Pair
{
    private readonly Lazy<EmbeddedBroker> _broker = new(() => new EmbeddedBroker());

    public override Task<KafkaBroker> Broker => Task.FromResult<KafkaBroker>(_broker.Value);

    public override DatabaseFixture Databases { get; } = new SqliteFixture();

    public override Task<InterruptibleBroker> StartBrokerAsync() => Task.FromResult<InterruptibleBroker>(new EmbeddedBroker());

    /// <summary>Somebody else has the file's lock, which is how a file of SQLite is away.</summary>
    public override async Task<IAsyncDisposable> TakeAwayAsync(TestDatabase database)
    {
        var connection = new SqliteConnection(database.ConnectionString + ";Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "BEGIN EXCLUSIVE";
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    protected override async Task DisposeBrokerAsync()
    {
        if (_broker.IsValueCreated)
        {
            await _broker.Value.DisposeAsync();
        }
    }
}
