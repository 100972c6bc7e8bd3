using Cuckoo.EventBus.Outbox;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus;

/// <summary>
/// Publishing on one context: for contexts from a factory, and where a service has several outboxes. In the same way as
/// <see cref="IEventPublisher"/>, which works on the scope's context.
/// </summary>
public static class EventBusDbContextExtensions
{
    /// <summary>Stages an event on this context; it commits, or vanishes, with the next <c>SaveChanges</c>.</summary>
    /// <param name="context">A context that was given an outbox by <c>UseOutbox</c>.</param>
    /// <param name="event">The event.</param>
    /// <param name="ct">Cancels the call.</param>
    /// <returns>A task that is complete: there is nothing to wait for.</returns>
    /// <exception cref="EventBusException">The context has no outbox, or the event can't be published.</exception>
    public static Task PublishAsync(this DbContext context, object @event, CancellationToken ct = default) =>
        PublishBatchAsync(context, [@event], null, ct);

    /// <inheritdoc cref="PublishAsync(DbContext, object, CancellationToken)"/>
    /// <param name="context">A context that was given an outbox by <c>UseOutbox</c>.</param>
    /// <param name="event">The event.</param>
    /// <param name="options">What differs from the event type's defaults.</param>
    /// <param name="ct">Cancels the call.</param>
    public static Task PublishAsync(this DbContext context, object @event, PublishOptions options, CancellationToken ct = default) =>
        PublishBatchAsync(context, [@event], options, ct);

    /// <summary>Stages several events on this context, in their order.</summary>
    /// <param name="context">A context that was given an outbox by <c>UseOutbox</c>.</param>
    /// <param name="events">The events. If one of them is refused, none is staged.</param>
    /// <param name="options">What differs from the defaults, for all of them. Default: nothing.</param>
    /// <param name="ct">Cancels the call.</param>
    /// <returns>A task that is complete: there is nothing to wait for.</returns>
    /// <exception cref="EventBusException">The context has no outbox, or an event can't be published.</exception>
    public static Task PublishBatchAsync(this DbContext context, IEnumerable<object> events, PublishOptions? options = null, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(events);
        ct.ThrowIfCancellationRequested();
        OutboxInterceptor.Of(context).Stage(context, events, options);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Takes back an event that was published with <see cref="PublishOptions.DeliverAt"/> and is not yet due: in the context's
    /// transaction, with which it commits or not, or at once where there is none. An event that is published on this context
    /// and not yet saved is taken back as well.
    /// </summary>
    /// <param name="context">A context that was given an outbox by <c>UseOutbox</c>.</param>
    /// <param name="eventId">The event's identity; of a <see cref="DomainEvent"/>, <see cref="DomainEvent.EventId"/> as text.</param>
    /// <param name="ct">Cancels the call.</param>
    /// <returns>Whether it will not be sent; otherwise it was due, or nobody published it with a delay.</returns>
    /// <exception cref="EventBusException">The context has no outbox.</exception>
    public static Task<bool> CancelScheduledAsync(this DbContext context, string eventId, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentException.ThrowIfNullOrEmpty(eventId);
        return OutboxInterceptor.Of(context).CancelScheduledAsync(context, eventId, ct);
    }
}
