using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Sends records outside of any outbox. Invariant: a record fails only for what it is or for trouble with the bus, never for
/// another caller's refused record, whose batch it may have shared or followed. Safe for concurrent use.
/// </summary>
internal sealed class DirectSender(KafkaClients clients, TimeProvider time, ILogger<RecordProducer> logger) : IDisposable
{
    private readonly RecordProducer _producer = new(clients, time, logger);
    private readonly RecordProducer _lonely = new(clients, time, logger, oneRecordPerBatch: true);

    /// <summary>Sends records in their order and awaits all answers.</summary>
    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingRecord> records, CancellationToken ct)
    {
        var generation = _producer.Current;
        var results = await Task.WhenAll(records.Select(generation.SendAsync)).WaitAsync(ct).ConfigureAwait(false);
        for (var i = 0; i < results.Length; i++)
        {
            // One after the other and each alone, so that the order stays and the guilty one is known.
            while (results[i].Outcome == SendOutcome.HeldBack || (results[i].Outcome == SendOutcome.Rejected && !results[i].WasAlone))
            {
                var alone = await _lonely.Current.SendAsync(records[i]).WaitAsync(ct).ConfigureAwait(false);
                results[i] = alone with { WasAlone = true };
            }
        }

        return results;
    }

    public void Dispose()
    {
        _producer.Dispose();
        _lonely.Dispose();
    }
}
