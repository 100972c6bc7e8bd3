using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>A record on its way to a consumer of batches, and whether it has its outcome there. Used by one lane at a time.</summary>
/// <param name="delivery">The record.</param>
/// <param name="arrived">When the lane got it, as a timestamp of the clock.</param>
internal sealed class BatchRecord(Delivery delivery, long arrived)
{
    private IncomingEvent? _event;
    private EventContext? _context;

    public Delivery Delivery => delivery;

    public long Arrived => arrived;

    /// <summary>The event, once it is read.</summary>
    public IncomingEvent Event => _event!;

    /// <summary>What the handler is told about it, once it is read.</summary>
    public EventContext Context => _context!;

    public EventIdentity Identity => new(Event.StoredSource, Event.StoredId);

    /// <summary>Whether its outcome at the consumer is durable.</summary>
    public bool IsFinished { get; private set; }

    public void Read(ConsumerSettings consumer)
    {
        _event = IncomingEvent.Read(delivery.Record, delivery.Type, delivery.TypeName);
        _context = EventContexts.Of(_event, consumer, TracePropagation.Extract(delivery.Record.Headers));
    }

    /// <summary>Its outcome is durable: as far as this consumer is concerned, the position may pass it.</summary>
    public void Finish()
    {
        IsFinished = true;
        delivery.Assignment.Finish(delivery);
    }
}
