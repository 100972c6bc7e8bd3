namespace Cuckoo.EventBus;

/// <summary>Reacts to one type of event.</summary>
/// <typeparam name="TEvent">The event's type: a <see cref="DomainEvent"/>, or a type that was given its names by <c>Map</c>.</typeparam>
/// <remarks>
/// A new instance from the service provider's scope handles each record, so dependencies are injected as in a controller.
/// Where the consumer has a database, the call runs inside a transaction of its <c>DbContext</c> that also holds the inbox's
/// mark: what it writes there and what it publishes happens once in effect. <c>SaveChanges</c> and the commit follow by
/// themselves. An exception rolls everything back and the record is tried again, then dead-lettered.
/// </remarks>
public interface IEventConsumer<in TEvent>
    where TEvent : class
{
    /// <summary>Handles one event.</summary>
    /// <param name="event">The event.</param>
    /// <param name="context">Where it comes from: id, topic, partition, offset, headers, attempt, trace.</param>
    /// <param name="ct">Cancelled when the time limit of the attempt passes or the partition is given up.</param>
    Task ConsumeAsync(TEvent @event, EventContext context, CancellationToken ct);
}
