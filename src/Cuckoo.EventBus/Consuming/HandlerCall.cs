using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Calls one consumer class with events of one type.</summary>
internal abstract class HandlerCall
{
    /// <summary>Reflection once per consumer and event type, so that a call costs none.</summary>
    public static HandlerCall Of(Type consumerType, Type eventType) =>
        (HandlerCall)Activator.CreateInstance(typeof(Typed<>).MakeGenericType(eventType), consumerType)!;

    /// <param name="services">A scope of this attempt's own.</param>
    /// <param name="event">The event.</param>
    /// <param name="context">Where it comes from.</param>
    /// <param name="ct">Ends the attempt.</param>
    public abstract Task InvokeAsync(IServiceProvider services, object @event, EventContext context, CancellationToken ct);

    private sealed class Typed<TEvent>(Type consumerType) : HandlerCall
        where TEvent : class
    {
        private readonly ObjectFactory _create = ActivatorUtilities.CreateFactory(consumerType, []);

        public override async Task InvokeAsync(IServiceProvider services, object @event, EventContext context, CancellationToken ct)
        {
            if (services.GetService(consumerType) is IEventConsumer<TEvent> registered)
            {
                await registered.ConsumeAsync((TEvent)@event, context, ct).ConfigureAwait(false);
                return;
            }

            // The scope does not know this instance, so it does not dispose it.
            var consumer = (IEventConsumer<TEvent>)_create(services, null);
            try
            {
                await consumer.ConsumeAsync((TEvent)@event, context, ct).ConfigureAwait(false);
            }
            finally
            {
                switch (consumer)
                {
                    case IAsyncDisposable disposable:
                        await disposable.DisposeAsync().ConfigureAwait(false);
                        break;
                    case IDisposable disposable:
                        disposable.Dispose();
                        break;
                }
            }
        }
    }
}
