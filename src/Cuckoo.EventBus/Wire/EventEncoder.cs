using System.Diagnostics;
using System.Text;
using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Wire;

/// <summary>Turns an event into its record, at the call of the publisher: what is wrong with it shows there.</summary>
internal sealed class EventEncoder(BusSettings settings, TimeProvider time)
{
    private static readonly byte[] SpecVersion = "1.0"u8.ToArray();

    // The same for every event.
    private byte[]? _source;

    /// <summary>The record of an event that goes into an outbox: it begins with a span of its own, where somebody listens.</summary>
    /// <inheritdoc cref="Encode"/>
    public OutgoingRecord Create(object @event, PublishOptions? options)
    {
        if (!BusMetrics.Source.HasListeners())
        {
            return Encode(@event, options);
        }

        using var span = PublishSpan.Create(TypeOf(@event).Topic);
        try
        {
            var record = Encode(@event, options);
            PublishSpan.Describe(span, record);
            return record;
        }
        catch (EventBusException e)
        {
            PublishSpan.Failed(span, e);
            throw;
        }
    }

    /// <exception cref="EventBusException">The event can't be published; the message says why and what to do.</exception>
    public EventType TypeOf(object @event)
    {
        ArgumentNullException.ThrowIfNull(@event);
        settings.ThrowIfInvalid();
        var clrType = @event.GetType();
        return @event is System.Collections.IEnumerable and not DomainEvent
            ? throw new EventBusException($"{clrType.Name} is a collection, not an event. Publish several events with PublishBatchAsync.")
            : settings.Types.Of(clrType);
    }

    /// <summary>The record, in the trace that is current.</summary>
    /// <exception cref="EventBusException">The event can't be published; the message says why and what to do.</exception>
    public OutgoingRecord Encode(object @event, PublishOptions? options)
    {
        var type = TypeOf(@event);
        (@event as DomainEvent)?.StampOccurredAt(time.GetUtcNow());
        var id = type.Id(@event) ?? UniqueId.New().ToString();
        if (!EventId.IsStorable(id))
        {
            throw new EventBusException($"The id of {type.Name} has {id.Length} characters. An event id is 1 to {EventId.MaxBytes} bytes of UTF-8 without control characters.");
        }

        var key = options?.Key ?? type.Key(@event);
        var record = new OutgoingRecord
        {
            EventId = id,
            EventType = type.Name,
            Topic = type.Topic,
            Key = key is null ? null : Encoding.UTF8.GetBytes(key),
            Headers = HeadersOf(type, id, options),
            Payload = type.Serializer.Serialize(@event, type.Topic),
            DeliverAt = options?.DeliverAt,
        };
        var limit = settings.MaxMessageBytes(type.Topic);
        return record.Size <= limit ? record : throw new EventBusException(
            $"Event {type.Name} ({id}) is {record.Size} bytes with key and headers; topic '{type.Topic}' takes {limit}. Publish less (a reference to the data), or raise EventBus:Topics:{type.Topic}:MaxMessageBytes and the topic's max.message.bytes.");
    }

    private EventHeaders HeadersOf(EventType type, string id, PublishOptions? options)
    {
        var headers = new EventHeaders
        {
            { Headers.SpecVersion, SpecVersion },
            { Headers.Id, id },
            { Headers.Source, _source ??= Encoding.UTF8.GetBytes(settings.Options.ServiceName) },
            { Headers.Type, type.NameBytes },
        };
        TracePropagation.Inject(Activity.Current, headers);

        if (options is not { Headers.Count: > 0 } && settings.PublishHooks.Count == 0)
        {
            return headers;
        }

        var added = new EventHeaders();
        foreach (var (name, value) in options?.Headers ?? [])
        {
            added.Add(name, value);
        }

        foreach (var hook in settings.PublishHooks)
        {
            hook(added);
        }

        foreach (var (name, value) in added)
        {
            if (Headers.IsReserved(name))
            {
                throw new EventBusException($"Header '{name}' of event {type.Name} is the bus's own. Use another name.");
            }

            // The caller's bytes may change after the call.
            headers.Add(name, value is null ? null : [.. value]);
        }

        return headers;
    }
}
