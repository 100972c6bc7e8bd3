using Confluent.Kafka;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>A member of the workers' group that has partitions assigned, and does nothing with them, for as long as it stays.</summary>
internal sealed class Guest : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _leave = new();
    private readonly Task _staying;

    public Guest(string brokers, string group, string topic, GroupProtocol protocol)
    {
        var settings = new ConsumerConfig(GroupSettings.Of(protocol))
        {
            BootstrapServers = brokers,
            GroupId = group,
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
        };
        _staying = Task.Factory.StartNew(() => Stay(settings, topic), TaskCreationOptions.LongRunning);
    }

    public async ValueTask DisposeAsync()
    {
        await _leave.CancelAsync();
        await _staying;
        _leave.Dispose();
    }

    private void Stay(ConsumerConfig settings, string topic)
    {
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(settings).SetLogHandler(static (_, _) => { }).SetErrorHandler(static (_, _) => { }).Build();
        consumer.Subscribe(topic);
        while (!_leave.IsCancellationRequested)
        {
            try
            {
                consumer.Consume(Poll);
            }
            catch (KafkaException)
            {
                // A broker is away, say. It is only a guest.
            }
        }

        try
        {
            consumer.Close();
        }
        catch (KafkaException)
        {
            // Then its session ends.
        }
    }
}
