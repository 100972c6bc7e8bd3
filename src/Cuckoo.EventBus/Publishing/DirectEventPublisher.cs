using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Publishing;

/// <summary>Encodes, sends, awaits. Safe for concurrent use.</summary>
internal sealed class DirectEventPublisher(EventEncoder encoder, DirectSender sender) : IDirectEventPublisher
{
    /// <summary>The caller waits, perhaps a request: an outage must become an error at some time.</summary>
    private static readonly TimeSpan AcknowledgementLimit = TimeSpan.FromSeconds(30);

    public Task PublishAsync<TEvent>(TEvent @event, CancellationToken ct = default)
        where TEvent : class => SendAsync(encoder.Encode(@event, null), ct);

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

    // Without an async method of its own: a service may have many thousands of these under way.
    private Task SendAsync(OutgoingRecord record, CancellationToken ct)
    {
        if (ct.IsCancellationRequested)
        {
            return Task.FromCanceled(ct);
        }

        var sending = sender.SendAsync(record, AcknowledgementLimit, Unacknowledged);
        return ct.CanBeCanceled ? sending.WaitAsync(ct) : sending;
    }

    private async Task SendAsync(OutgoingRecord[] records, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        await Task.WhenAll(records.Select(record => sender.SendAsync(record, AcknowledgementLimit, Unacknowledged))).WaitAsync(ct).ConfigureAwait(false);
    }

    private static EventBusException Unacknowledged(OutgoingRecord record, string error) =>
        new($"Event {record.EventType} ({record.EventId}) was not acknowledged by topic '{record.Topic}': {error}. It may have been written; publishing the same instance again is safe for consumers with an inbox.");
}
