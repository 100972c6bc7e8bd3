namespace Cuckoo.EventBus;

/// <summary>Publishes events together with the changes of the service's own database.</summary>
/// <remarks>
/// Scoped. With an outbox an event is staged on the scope's <c>DbContext</c> and commits, or vanishes, with its next
/// <c>SaveChanges</c>; like the context it is not for concurrent use. Without any outbox it is sent at once, as
/// <see cref="IDirectEventPublisher"/> does. An event is serialised during the call: errors show here, and later changes of
/// the instance do not.
/// </remarks>
public interface IEventPublisher
{
    /// <summary>Publishes one event.</summary>
    /// <typeparam name="TEvent">The event's type; what counts is the instance's own type.</typeparam>
    /// <param name="event">The event.</param>
    /// <param name="ct">Cancels the call; with an outbox there is nothing to wait for.</param>
    /// <exception cref="EventBusException">
    /// The type has no name or topic, the event is larger than its topic allows, its id was published in this transaction
    /// already, or an ambient <c>TransactionScope</c> is active.
    /// </exception>
    Task PublishAsync<TEvent>(TEvent @event, CancellationToken ct = default)
        where TEvent : class;

    /// <summary>Publishes one event with a key, headers or a time of its own.</summary>
    /// <inheritdoc cref="PublishAsync{TEvent}(TEvent, CancellationToken)" path="/typeparam|/exception"/>
    /// <param name="event">The event.</param>
    /// <param name="options">What differs from the event type's defaults.</param>
    /// <param name="ct">Cancels the call.</param>
    Task PublishAsync<TEvent>(TEvent @event, PublishOptions options, CancellationToken ct = default)
        where TEvent : class;

    /// <summary>Publishes several events, in their order, as one batch.</summary>
    /// <inheritdoc cref="PublishAsync{TEvent}(TEvent, CancellationToken)" path="/exception"/>
    /// <param name="events">The events. If one of them is refused, none is published.</param>
    /// <param name="options">What differs from the defaults, for all of them. Default: nothing.</param>
    /// <param name="ct">Cancels the call.</param>
    Task PublishBatchAsync(IEnumerable<object> events, PublishOptions? options = null, CancellationToken ct = default);
}
