using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Sends records outside of any outbox. Invariant: a record fails only for what it is or for trouble with the bus, never for
/// another caller's refused record, whose batch it may have shared or followed. Safe for concurrent use.
/// </summary>
internal sealed class DirectSender : IDisposable
{
    /// <summary>How often answers that are overdue are looked for: one timer for all instead of one per record.</summary>
    private static readonly TimeSpan OverdueCheck = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly RecordProducer _producer;
    private readonly RecordProducer _lonely;
    private readonly Lazy<ITimer> _overdue;

    public DirectSender(KafkaClients clients, TimeProvider time, ILogger<RecordProducer> logger)
    {
        _time = time;
        _producer = new RecordProducer(clients, time, logger);
        _lonely = new RecordProducer(clients, time, logger, oneRecordPerBatch: true);
        _overdue = new(() => time.CreateTimer(_ => GiveUpOverdue(), null, OverdueCheck, OverdueCheck));
    }

    /// <summary>Sends a record and awaits the answer.</summary>
    /// <param name="record">The record.</param>
    /// <param name="limit">How long to wait for the broker. Default: for ever.</param>
    /// <param name="ct">Ends the wait, not the sending.</param>
    public async Task<SendResult> SendAsync(OutgoingRecord record, TimeSpan? limit, CancellationToken ct) =>
        await SettleAsync(record, await AnswerAsync(Send(_producer.Current, record, limit), ct).ConfigureAwait(false), limit, ct).ConfigureAwait(false);

    /// <summary>Sends records in their order and awaits all answers.</summary>
    /// <inheritdoc cref="SendAsync(OutgoingRecord, TimeSpan?, CancellationToken)"/>
    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingRecord> records, TimeSpan? limit, CancellationToken ct)
    {
        var generation = _producer.Current;
        var sendings = records.Select(record => Send(generation, record, limit)).ToArray();
        var results = new SendResult[records.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = await AnswerAsync(sendings[i], ct).ConfigureAwait(false);
        }

        for (var i = 0; i < results.Length; i++)
        {
            // One after the other, so that the order stays.
            results[i] = await SettleAsync(records[i], results[i], limit, ct).ConfigureAwait(false);
        }

        return results;
    }

    public void Dispose()
    {
        if (_overdue.IsValueCreated)
        {
            _overdue.Value.Dispose();
        }

        _producer.Dispose();
        _lonely.Dispose();
    }

    private static Task<SendResult> AnswerAsync(Sending sending, CancellationToken ct) => ct.CanBeCanceled ? sending.Task.WaitAsync(ct) : sending.Task;

    /// <summary>Sends again, alone so that the guilty one is known, what was refused or held back with others.</summary>
    private async ValueTask<SendResult> SettleAsync(OutgoingRecord record, SendResult result, TimeSpan? limit, CancellationToken ct)
    {
        while (result.Outcome == SendOutcome.HeldBack || (result.Outcome == SendOutcome.Rejected && !result.WasAlone))
        {
            result = await AnswerAsync(Send(_lonely.Current, record, limit), ct).ConfigureAwait(false) with { WasAlone = true };
        }

        return result;
    }

    private Sending Send(ProducerGeneration generation, OutgoingRecord record, TimeSpan? limit)
    {
        if (limit is not null)
        {
            _ = _overdue.Value;
        }

        var sending = new Sending(_time.GetTimestamp(), limit);
        generation.Send(record, sending);
        return sending;
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
