using System.Text;
using System.Text.Json;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Chaos.Checking;

/// <summary>Reads a topic from its beginning while the run goes on, by connections that nobody cuts.</summary>
internal sealed class RecordTail : IDisposable
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly List<SentRecord> _records = [];
    private readonly Dictionary<int, long> _next = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly IConsumer<byte[]?, byte[]?> _consumer;
    private readonly string _topic;
    private readonly Task _reading;

    public RecordTail(string bootstrapServers, string topic)
    {
        _topic = topic;
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = bootstrapServers,
            GroupId = "tail",
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Error,
            ReconnectBackoffMaxMs = 1000,
        }).SetLogHandler(static (_, _) => { }).Build();
        using var admin = new DependentAdminClientBuilder(_consumer.Handle).Build();
        foreach (var partition in admin.GetMetadata(topic, EndLimit).Topics.Single().Partitions)
        {
            _next[partition.PartitionId] = 0;
        }

        _consumer.Assign(_next.Keys.Select(p => new TopicPartitionOffset(topic, p, 0)));
        _reading = Task.Factory.StartNew(Read, TaskCreationOptions.LongRunning);
    }

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _records.Count;
            }
        }
    }

    /// <summary>How many records the other partitions have.</summary>
    public long CountOutside(int partition)
    {
        lock (_lock)
        {
            return _next.Where(p => p.Key != partition).Sum(p => p.Value);
        }
    }

    /// <summary>How many records each partition has.</summary>
    public Dictionary<int, long> Ends()
    {
        lock (_lock)
        {
            return new Dictionary<int, long>(_next);
        }
    }

    /// <summary>Everything that the topic has now.</summary>
    public async Task<IReadOnlyList<SentRecord>> ReadToEndAsync(CancellationToken ct)
    {
        var ends = await Task.Run(() => _next.Keys.ToList().ConvertAll(p => (Partition: p, Offset: _consumer.QueryWatermarkOffsets(new TopicPartition(_topic, p), EndLimit).High.Value)), ct);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(EndLimit);
        while (true)
        {
            if (_reading.IsCompleted)
            {
                await _reading;
            }

            lock (_lock)
            {
                if (ends.TrueForAll(end => _next[end.Partition] >= end.Offset))
                {
                    return [.. _records];
                }
            }

            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), limit.Token);
            }
            catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
            {
                throw new ChaosException($"The end of {_topic} was not reached within {EndLimit}.", e);
            }
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        ((IAsyncResult)_reading).AsyncWaitHandle.WaitOne();
        _consumer.Dispose();
        _stop.Dispose();
    }

    private void Read()
    {
        while (!_stop.IsCancellationRequested)
        {
            ConsumeResult<byte[]?, byte[]?>? result;
            try
            {
                result = _consumer.Consume(TimeSpan.FromMilliseconds(100));
            }
            catch (ConsumeException e) when (!e.Error.IsFatal && e.Error.Code != ErrorCode.Local_AutoOffsetReset)
            {
                continue;
            }

            if (result is null)
            {
                continue;
            }

            var record = RecordOf(result);
            lock (_lock)
            {
                // Nothing here is transactional or compacted: offsets have no gaps, or the broker has lost something.
                if (_next[record.Partition] != record.Offset)
                {
                    throw new ChaosException($"{_topic} [{record.Partition}] has offset {record.Offset} where {_next[record.Partition]} was to come.");
                }

                _next[record.Partition]++;
                _records.Add(record);
            }
        }
    }

    private static SentRecord RecordOf(ConsumeResult<byte[]?, byte[]?> result)
    {
        var value = JsonSerializer.Deserialize<JsonElement>(result.Message.Value);
        return new SentRecord(
            Guid.Parse(Header(result, "ce_id")!),
            result.Message.Key is { } key ? Encoding.UTF8.GetString(key) : null,
            value.TryGetProperty("number", out var number) && number.ValueKind == JsonValueKind.Number ? number.GetInt64() : null,
            result.Partition.Value,
            result.Offset.Value,
            result.Message.Timestamp.UtcDateTime)
        {
            DeadLetterOf = Header(result, "dlq_original_id") is { } original ? (Guid.Parse(original), Header(result, "dlq_consumer")!) : null,
        };
    }

    private static string? Header(ConsumeResult<byte[]?, byte[]?> result, string name) =>
        result.Message.Headers.TryGetLastBytes(name, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;
}
