namespace Cuckoo.EventBus.Consuming;

/// <summary>Calls one consumer class with batches of one event type.</summary>
internal abstract class BatchCall
{
    /// <summary>Reflection once per consumer and event type, so that a call costs none.</summary>
    public static BatchCall Of(Type consumerType, Type eventType) =>
        (BatchCall)Activator.CreateInstance(typeof(Typed<>).MakeGenericType(eventType), consumerType)!;

    /// <param name="services">A scope of this attempt's own.</param>
    /// <param name="events">The events, each with where it comes from.</param>
    /// <param name="ct">Ends the attempt.</param>
    public abstract Task InvokeAsync(IServiceProvider services, ReadOnlySpan<(object Event, EventContext Context)> events, CancellationToken ct);

    private sealed class Typed<TEvent>(Type consumerType) : BatchCall
        where TEvent : class
    {
        private readonly ConsumerInstances _instances = new(consumerType);

        public override Task InvokeAsync(IServiceProvider services, ReadOnlySpan<(object Event, EventContext Context)> events, CancellationToken ct)
        {
            var batch = new ReceivedEvent<TEvent>[events.Length];
            for (var i = 0; i < batch.Length; i++)
            {
                batch[i] = new ReceivedEvent<TEvent>((TEvent)events[i].Event, events[i].Context);
            }

            return _instances.UseAsync(services, (batch, ct), static (consumer, call) => ((IEventBatchConsumer<TEvent>)consumer).ConsumeAsync(call.batch, call.ct));
        }
    }
}
