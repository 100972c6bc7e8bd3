using System.Threading.Channels;
using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>
/// A thread that polls, and as many workers as the bus has handlers, each with a connection, prepared statements and a share
/// of the keys. A record is a transaction: claim, the handler's insert, commit. Whether the claim took is known before the
/// handler runs, since a handler is code and not only a statement.
/// </summary>
internal sealed class InboxLoop : ISide
{
    /// <summary>Of records that wait for one worker.</summary>
    private const int Waiting = 500;

    private static readonly int Workers = new ConsumerOptions().Concurrency;

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
        var finished = new Finished(consumer);
        var channels = Enumerable.Range(0, Workers).Select(_ => Channel.CreateBounded<Finished.Entry>(new BoundedChannelOptions(Waiting) { SingleReader = true, SingleWriter = true })).ToArray();
        _tasks.Add(Task.Factory.StartNew(() => Poll(consumer, finished, channels), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        _tasks.AddRange(channels.Select(channel => Task.Run(() => WorkAsync(channel.Reader, finished))));
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

    private void Poll(IConsumer<byte[], byte[]> consumer, Finished finished, Channel<Finished.Entry>[] channels)
    {
        while (!_isStopping)
        {
            if (consumer.Consume(Consumer.PollTimeout) is not { Message: not null } result)
            {
                continue;
            }

            var channel = channels[ShareOf(result.Message.Key)];
            var entry = finished.Begin(result);
            if (!channel.Writer.TryWrite(entry))
            {
                channel.Writer.WriteAsync(entry).AsTask().Wait();
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

    private async Task WorkAsync(ChannelReader<Finished.Entry> records, Finished finished)
    {
        await using var connection = await _database!.OpenConnectionAsync();
        var eventId = new NpgsqlParameter<Guid>();
        await using var claim = new NpgsqlCommand(InboxTable.Claim, connection) { Parameters = { eventId } };
        await claim.PrepareAsync();
        await using var insert = OrderRow.Insert(connection, out var row);
        await insert.PrepareAsync();
        await foreach (var entry in records.ReadAllAsync())
        {
            if (_isStopping)
            {
                continue;
            }

            var message = entry.Result.Message;
            if (Consumer.IsKnown(message))
            {
                var e = BenchEvent.FromJson(message.Value);
                eventId.TypedValue = Consumer.EventId(message);
                await using var transaction = await connection.BeginTransactionAsync();
                if (await claim.ExecuteNonQueryAsync() == 1)
                {
                    row.Set(e.Key);
                    await insert.ExecuteNonQueryAsync();
                    _tally!.Add(e);
                    await transaction.CommitAsync();
                }
            }

            finished.Done(entry);
        }
    }

    private static int ShareOf(byte[] key)
    {
        var hash = new HashCode();
        hash.AddBytes(key);
        return (int)((uint)hash.ToHashCode() % (uint)Workers);
    }
}
