namespace Cuckoo.EventBus.Consuming;

/// <summary>Calls one consumer class with events of one type, one by one.</summary>
internal abstract class HandlerCall
{
    /// <summary>Reflection once per consumer and event type, so that a call costs none.</summary>
    public static HandlerCall Of(Type consumerType, Type eventType) => typeof(IEventBatchConsumer<>).MakeGenericType(eventType).IsAssignableFrom(consumerType)
        ? new BatchOfOne(BatchCall.Of(consumerType, eventType))
        : (HandlerCall)Activator.CreateInstance(typeof(Typed<>).MakeGenericType(eventType), consumerType)!;

    /// <param name="services">A scope of this attempt's own.</param>
    /// <param name="event">The event.</param>
    /// <param name="context">Where it comes from.</param>
    /// <param name="ct">Ends the attempt.</param>
    public abstract Task InvokeAsync(IServiceProvider services, object @event, EventContext context, CancellationToken ct);

    private sealed class Typed<TEvent>(Type consumerType) : HandlerCall
        where TEvent : class
    {
        private readonly ConsumerInstances _instances = new(consumerType);

        public override Task InvokeAsync(IServiceProvider services, object @event, EventContext context, CancellationToken ct) =>
            _instances.UseAsync(services, ((TEvent)@event, context, ct), static (consumer, call) => ((IEventConsumer<TEvent>)consumer).ConsumeAsync(call.Item1, call.context, call.ct));
    }

    private sealed class BatchOfOne(BatchCall call) : HandlerCall
    {
        public override Task InvokeAsync(IServiceProvider services, object @event, EventContext context, CancellationToken ct) =>
            call.InvokeAsync(services, [(@event, context)], ct);
    }
}
