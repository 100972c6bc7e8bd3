using System.Diagnostics;
using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>
/// The shortest way from a commit to the topic: the process that committed produces what it still has in memory, awaits the
/// acknowledgement and deletes the row.
/// </summary>
internal sealed class CommitLoop : ISide
{
    private const string InsertOrder = "INSERT INTO orders (\"Id\", \"Customer\", \"Total\", \"PlacedAt\") VALUES ($1, $2, $3, $4)";

    private NpgsqlDataSource? _database;
    private NpgsqlDataSource? _deletes;
    private IProducer<byte[], byte[]>? _producer;
    private string _topic = "";
    private long _number;

    public Task StartAsync(SideTarget target)
    {
        _topic = target.Topic;
        _database = NpgsqlDataSource.Create(target.ConnectionString);
        _deletes = FastCommit.DataSource(target.ConnectionString);
        // It sends one record at a time: to wait for others would only cost time.
        _producer = Producer.Create(target.BootstrapServers, target.LingerMs ?? 0);
        return Task.CompletedTask;
    }

    public Task<SideResult> RunAsync(SideWork work) =>
        work.PerSecond > 0 ? Pace.RunAsync(work, CommitAsync) : ClosedLoop.RunAsync(work, CommitAsync);

    public async Task StopAsync()
    {
        _producer!.Dispose();
        await _database!.DisposeAsync();
        await _deletes!.DisposeAsync();
    }

    private async Task<Commit> CommitAsync()
    {
        using var request = new Activity("request").Start();
        var published = BenchEvent.Create(Interlocked.Increment(ref _number), DateTimeOffset.UtcNow);
        var record = OutboxRecord.From(published, request.Id);
        var message = record.ToMessage();
        long id;
        Commit commit;
        await using (var connection = await _database!.OpenConnectionAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await using var order = new NpgsqlCommand(InsertOrder, connection) { Parameters = { new() { Value = Guid.CreateVersion7() }, new() { Value = published.Key }, new() { Value = 12.5m }, new() { Value = DateTime.UtcNow } } };
            await order.ExecuteNonQueryAsync();
            await using var insert = OutboxTable.Insert(connection, _topic, record, returnsId: true);
            id = (long)(await insert.ExecuteScalarAsync())!;
            await transaction.CommitAsync();
            commit = Commit.Now(record.EventId);
        }

        await _producer!.ProduceAsync(_topic, message);
        await using var delete = _deletes!.CreateCommand("DELETE FROM outbox WHERE id = ANY($1)");
        delete.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [id] });
        await delete.ExecuteNonQueryAsync();
        return commit;
    }
}
