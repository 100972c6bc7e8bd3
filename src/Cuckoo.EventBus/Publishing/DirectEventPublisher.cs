using System.Diagnostics;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Publishing;

/// <summary>Encodes, sends, awaits. Safe for concurrent use.</summary>
internal sealed class DirectEventPublisher(EventEncoder encoder, DirectSender sender) : IDirectEventPublisher
{
    /// <summary>The caller waits, perhaps a request: an outage must become an error at some time.</summary>
    private static readonly TimeSpan AcknowledgementLimit = TimeSpan.FromSeconds(30);

    public Task PublishAsync<TEvent>(TEvent @event, CancellationToken ct = default)
        where TEvent : class => SendAsync(Encode(@event, null), ct);

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

        // None is sent if one of them can't be.
        var all = new List<(OutgoingRecord, Activity?)>();
        try
        {
            all.AddRange(events.Select(e => Encode(e, options)));
        }
        catch
        {
            all.ForEach(outgoing => outgoing.Item2?.Dispose());
            throw;
        }

        return Task.WhenAll(all.ConvertAll(outgoing => SendAsync(outgoing, ct)));
    }

    /// <summary>The record, and its span where somebody listens, which is the caller's current one no longer.</summary>
    private (OutgoingRecord Record, Activity? Span) Encode(object @event, PublishOptions? options)
    {
        if (!BusMetrics.Source.HasListeners())
        {
            return (encoder.Encode(@event, options), null);
        }

        var current = Activity.Current;
        var span = PublishSpan.Send(encoder.TypeOf(@event).Topic);
        try
        {
            var record = encoder.Encode(@event, options);
            PublishSpan.Describe(span, record);
            return (record, span);
        }
        catch (EventBusException e)
        {
            PublishSpan.Failed(span, e);
            span?.Dispose();
            throw;
        }
        finally
        {
            Activity.Current = current;
        }
    }

    // Without an async method of its own: a service may have many thousands of these under way.
    private Task SendAsync((OutgoingRecord Record, Activity? Span) outgoing, CancellationToken ct)
    {
        if (ct.IsCancellationRequested)
        {
            outgoing.Span?.Dispose();
            return Task.FromCanceled(ct);
        }

        Task sending = sender.SendAsync(outgoing.Record, AcknowledgementLimit, Unacknowledged);
        sending = outgoing.Span is { } span ? EndAsync(sending, span) : sending;
        return ct.CanBeCanceled ? sending.WaitAsync(ct) : sending;
    }

    private static async Task EndAsync(Task sending, Activity span)
    {
        using (span)
        {
            try
            {
                await sending.ConfigureAwait(false);
            }
            catch (Exception e)
            {
                PublishSpan.Failed(span, e);
                throw;
            }
        }
    }

    private static EventBusException Unacknowledged(OutgoingRecord record, string error) =>
        new($"Event {record.EventType} ({record.EventId}) was not acknowledged by topic '{record.Topic}': {error}. It may have been written; publishing the same instance again is safe for consumers with an inbox.");
}
