using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sides;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>
/// The loop that a good engineer would write: as many workers and rows per read as the relay, delete and next read in one
/// round trip, prepared. It trusts that it is the only one, that nothing is ever rejected, and that nobody commits late.
/// </summary>
internal sealed class DrainLoop : ISide
{
    private const string Delete = "DELETE FROM outbox WHERE id = ANY($1)";
    private const string Read = "SELECT id, key, event_id, traceparent, payload FROM outbox WHERE share = $1 ORDER BY id LIMIT $2";

    /// <summary>How long a worker waits that found nothing.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly int _limit = new RelayOptions().BatchSize;
    private readonly List<Task> _workers = [];
    private volatile bool _isStopping;
    private NpgsqlDataSource? _database;
    private IProducer<byte[], byte[]>? _producer;

    public Task StartAsync(SideTarget target)
    {
        _isStopping = false;
        _database = FastCommit.DataSource(target.ConnectionString);
        _producer = Producer.Create(target.BootstrapServers, target.LingerMs);
        for (var share = 0; share < OutboxTable.Shares; share++)
        {
            var own = (short)share;
            _workers.Add(Task.Run(() => WorkAsync(own, target.Topic)));
        }

        return Task.CompletedTask;
    }

    public Task<SideResult> RunAsync(SideWork work) => throw new NotSupportedException();

    public async Task StopAsync()
    {
        _isStopping = true;
        await Task.WhenAll(_workers);
        _workers.Clear();
        _producer!.Dispose();
        await _database!.DisposeAsync();
    }

    private async Task WorkAsync(short share, string topic)
    {
        await using var connection = await _database!.OpenConnectionAsync();
        var acknowledged = new NpgsqlParameter<long[]> { TypedValue = [] };
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(Delete) { Parameters = { acknowledged } },
                new NpgsqlBatchCommand(Read) { Parameters = { new NpgsqlParameter<short> { TypedValue = share }, new NpgsqlParameter<int> { TypedValue = _limit } } },
            },
        };
        await batch.PrepareAsync();
        while (!_isStopping)
        {
            var ids = new List<long>(_limit);
            var messages = new List<Message<byte[], byte[]>>(_limit);
            await using (var reader = await batch.ExecuteReaderAsync())
            {
                while (await reader.ReadAsync())
                {
                    ids.Add(reader.GetInt64(0));
                    messages.Add(new OutboxRecord(reader.GetFieldValue<byte[]>(1), reader.GetGuid(2), reader.GetString(3), reader.GetFieldValue<byte[]>(4)).ToMessage());
                }
            }

            if (ids.Count == 0)
            {
                acknowledged.TypedValue = [];
                await Task.Delay(Pause);
                continue;
            }

            await ProduceAsync(topic, messages);
            acknowledged.TypedValue = [.. ids];
        }
    }

    private Task ProduceAsync(string topic, List<Message<byte[], byte[]>> messages)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = messages.Count;
        // Called on the producer's one poll thread: no lock.
        void Acknowledge(DeliveryReport<byte[], byte[]> report)
        {
            if (report.Error.IsError)
            {
                done.TrySetException(new KafkaException(report.Error));
            }
            else if (--left == 0)
            {
                done.TrySetResult();
            }
        }

        foreach (var message in messages)
        {
            _producer!.Produce(topic, message, Acknowledge);
        }

        return done.Task;
    }
}
