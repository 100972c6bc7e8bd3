namespace Cuckoo.EventBus;

/// <summary>One event of a batch, with where it comes from.</summary>
/// <typeparam name="TEvent">The event's type.</typeparam>
/// <param name="Event">The event.</param>
/// <param name="Context">Its id, topic, partition, offset, headers, attempt, trace.</param>
public sealed record ReceivedEvent<TEvent>(TEvent Event, EventContext Context)
    where TEvent : class;
