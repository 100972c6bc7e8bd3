using System.Threading.Channels;
using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;
using Npgsql;
using NpgsqlTypes;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>
/// A thread that polls and hands full batches of a partition to that partition's worker, which has a connection: claim all,
/// leave out what was handled before, insert the rest, commit.
/// </summary>
internal sealed class BatchLoop : ISide
{
    private const string Claim = "INSERT INTO handled (event_id) SELECT unnest($1) ON CONFLICT DO NOTHING RETURNING event_id";

    /// <summary>Of records that wait for one worker.</summary>
    private const int Waiting = 5_000;

    private readonly List<Task> _tasks = [];
    private volatile bool _isStopping;
    private Tally? _tally;
    private NpgsqlDataSource? _database;

    public Task StartAsync(SideTarget target)
    {
        _isStopping = false;
        _tally = new Tally(target.Consumption!);
        _database = NpgsqlDataSource.Create(target.ConnectionString);
        var consumer = Consumer.Create(target);
        var channels = Enumerable.Range(0, Harness.Target.Partitions)
            .Select(_ => Channel.CreateBounded<ConsumeResult<byte[], byte[]>>(new BoundedChannelOptions(Waiting) { SingleReader = true, SingleWriter = true })).ToArray();
        _tasks.Add(Task.Factory.StartNew(() => Poll(consumer, channels), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        _tasks.AddRange(channels.Select(channel => Task.Run(() => WorkAsync(consumer, channel.Reader, target.Consumption!.BatchSize))));
        return Task.CompletedTask;
    }

    public async Task<SideResult> RunAsync(SideWork work) => await await Task.WhenAny(_tally!.ResultAsync(), FailureAsync());

    public async Task StopAsync()
    {
        _isStopping = true;
        await Task.WhenAll(_tasks);
        _tasks.Clear();
        await _database!.DisposeAsync();
    }

    private async Task<SideResult> FailureAsync()
    {
        await await Task.WhenAny(_tasks);
        throw new InvalidOperationException("A worker ended.");
    }

    private void Poll(IConsumer<byte[], byte[]> consumer, Channel<ConsumeResult<byte[], byte[]>>[] channels)
    {
        while (!_isStopping)
        {
            if (consumer.Consume(Consumer.PollTimeout) is { Message: not null } result && !channels[result.Partition.Value].Writer.TryWrite(result))
            {
                channels[result.Partition.Value].Writer.WriteAsync(result).AsTask().Wait();
            }
        }

        foreach (var channel in channels)
        {
            channel.Writer.Complete();
        }

        foreach (var channel in channels)
        {
            channel.Reader.Completion.Wait();
        }

        consumer.Close();
        consumer.Dispose();
    }

    private async Task WorkAsync(IConsumer<byte[], byte[]> consumer, ChannelReader<ConsumeResult<byte[], byte[]>> records, int size)
    {
        await using var connection = await _database!.OpenConnectionAsync();
        var ids = new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid };
        await using var claim = new NpgsqlCommand(Claim, connection) { Parameters = { ids } };
        await claim.PrepareAsync();
        var events = new Dictionary<Guid, BenchEvent>(size);
        while (await records.WaitToReadAsync())
        {
            ConsumeResult<byte[], byte[]>? last = null;
            for (var n = 0; n < size && records.TryRead(out var result); n++)
            {
                last = result;
                if (Consumer.IsKnown(result.Message))
                {
                    events[Consumer.EventId(result.Message)] = BenchEvent.FromJson(result.Message.Value);
                }
            }

            if (_isStopping)
            {
                continue;
            }

            await using (var transaction = await connection.BeginTransactionAsync())
            {
                ids.Value = events.Keys.ToArray();
                var claimed = new List<BenchEvent>(size);
                await using (var reader = await claim.ExecuteReaderAsync())
                {
                    while (await reader.ReadAsync())
                    {
                        claimed.Add(events[reader.GetGuid(0)]);
                    }
                }

                await using var insert = OrderRows.Insert(connection, [.. claimed.Select(e => e.Key)]);
                await insert.ExecuteNonQueryAsync();
                await transaction.CommitAsync();
                claimed.ForEach(_tally!.Add);
            }

            consumer.StoreOffset(last!);
            events.Clear();
        }
    }
}
