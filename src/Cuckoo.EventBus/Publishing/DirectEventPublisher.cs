using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Publishing;

/// <summary>Encodes, sends, awaits. Safe for concurrent use.</summary>
internal sealed class DirectEventPublisher(EventEncoder encoder, RecordProducer producer) : IDirectEventPublisher
{
    public Task PublishAsync<TEvent>(TEvent @event, CancellationToken ct = default)
        where TEvent : class => SendAsync([encoder.Encode(@event, null)], ct);

    public Task PublishAsync<TEvent>(TEvent @event, PublishOptions options, CancellationToken ct = default)
        where TEvent : class
    {
        ArgumentNullException.ThrowIfNull(options);
        return PublishBatchAsync([@event], options, ct);
    }

    public Task PublishBatchAsync(IEnumerable<object> events, PublishOptions? options = null, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(events);
        if (options?.DeliverAt is not null)
        {
            throw new EventBusException("DeliverAt needs an outbox that keeps the event until then. Publish with IEventPublisher in a service with UseOutbox<TContext>().");
        }

        return SendAsync([.. events.Select(e => encoder.Encode(e, options))], ct);
    }

    private async Task SendAsync(IReadOnlyList<OutgoingRecord> records, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var generation = producer.Current;
        var sends = records.Select(generation.SendAsync).ToList();
        var results = await Task.WhenAll(sends).WaitAsync(ct).ConfigureAwait(false);
        for (var i = 0; i < results.Length; i++)
        {
            if (results[i].Error is { } error)
            {
                throw new EventBusException($"Event {records[i].EventType} ({records[i].EventId}) was not acknowledged by topic '{records[i].Topic}': {error}. It may have been written; publishing the same instance again is safe for consumers with an inbox.");
            }
        }
    }
}
