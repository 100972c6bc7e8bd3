using System.Threading.Channels;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Sends records outside of any outbox. Invariants: a record fails only for what it is or for trouble with the bus, never for
/// another caller's refused record, whose batch it may have shared or followed; records that one caller sends one after the
/// other and that are sent again keep their order, because one loop sends those again, each alone. Safe for concurrent use.
/// </summary>
internal sealed class DirectSender : IDisposable
{
    /// <summary>How often answers that are overdue are looked for: one timer for all instead of one per record.</summary>
    private static readonly TimeSpan OverdueCheck = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Of many calls at once, batches of a few records cost both sides more than the records: measured, a millisecond takes 3 to
    /// 4 % off the work per event. It is less than an acknowledgement takes, and a fifth of librdkafka's own default.
    /// </summary>
    private const double LingerMs = 1;

    private readonly TimeProvider _time;
    private readonly RecordProducer _producer;
    private readonly RecordProducer _lonely;
    private readonly Lazy<ITimer> _overdue;
    private readonly Lazy<Channel<Sending>> _again;

    public DirectSender(KafkaClients clients, TimeProvider time, BusLoggers loggers)
    {
        var logger = loggers.CreateLogger<RecordProducer>();
        _time = time;
        _producer = new RecordProducer(clients, time, logger, LingerMs);
        _lonely = new RecordProducer(clients, time, logger, oneRecordPerBatch: true);
        _overdue = new(() => time.CreateTimer(_ => GiveUpOverdue(), null, OverdueCheck, OverdueCheck));
        _again = new(() =>
        {
            var channel = Channel.CreateUnbounded<Sending>(new UnboundedChannelOptions { SingleReader = true });
            _ = SendAgainAsync(channel.Reader);
            return channel;
        });
    }

    /// <summary>Hands a record to the producer. Records that are handed over one after the other are written in that order.</summary>
    /// <param name="record">The record.</param>
    /// <param name="limit">How long to wait for the broker. Default: for ever.</param>
    /// <param name="failsWith">What the task fails with if the record is not acknowledged. Default: it ends with the result.</param>
    /// <returns>Ends with the broker's answer.</returns>
    public Task<SendResult> SendAsync(OutgoingRecord record, TimeSpan? limit = null, Func<OutgoingRecord, string, Exception>? failsWith = null)
    {
        if (limit is not null)
        {
            _ = _overdue.Value;
        }

        var sending = new Sending(this, record, _time, limit, failsWith);
        _producer.Current.Send(record, sending);
        return sending.Task;
    }

    /// <summary>Has a record sent again in a batch of its own. Called by its answer, so it only notes it.</summary>
    public void SendAlone(Sending sending) => _again.Value.Writer.TryWrite(sending);

    public void Dispose()
    {
        if (_overdue.IsValueCreated)
        {
            _overdue.Value.Dispose();
        }

        _producer.Dispose();
        _lonely.Dispose();
    }

    private async Task SendAgainAsync(ChannelReader<Sending> again)
    {
        await foreach (var sending in again.ReadAllAsync().ConfigureAwait(false))
        {
            sending.End(await SendAloneAsync(sending.Record, sending.Limit).ConfigureAwait(false));
        }
    }

    private async Task<SendResult> SendAloneAsync(OutgoingRecord record, TimeSpan? limit)
    {
        try
        {
            SendResult result;
            do
            {
                var alone = new Sending(null, record, _time, limit, null);
                _lonely.Current.Send(record, alone);
                result = await alone.Task.ConfigureAwait(false);
            }
            while (result.Outcome == SendOutcome.HeldBack);
            return result;
        }
        catch (Exception e) when (e is ObjectDisposedException or EventBusException)
        {
            return new SendResult(SendOutcome.Trouble, e.Message);
        }
    }

    private void GiveUpOverdue()
    {
        try
        {
            _producer.Current.GiveUpOverdue();
            _lonely.Current.GiveUpOverdue();
        }
        catch (ObjectDisposedException)
        {
            // The end: whoever waits is answered by the producers'.
        }
    }
}
