using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus;

/// <summary>What a service tells the bus in <c>services.AddCuckooEventBus(bus => …)</c>. Not for concurrent use.</summary>
public sealed class EventBusBuilder
{
    internal EventBusBuilder(IServiceCollection services) => Services = services;

    /// <summary>The service collection, for extensions.</summary>
    public IServiceCollection Services { get; }

    internal List<Type> Outboxes { get; } = [];

    internal List<ConsumerRegistration> Consumers { get; } = [];

    internal HashSet<Type> Published { get; } = [];

    internal Dictionary<Type, MappedEvent> Mapped { get; } = [];

    internal Dictionary<string, IEventBytesSerializer> Serializers { get; } = new(StringComparer.Ordinal);

    internal List<Action<EventHeaders>> PublishHooks { get; } = [];

    internal List<Func<EventContext, Func<Task>, Task>> ConsumeHooks { get; } = [];

    internal List<Action<EventBusOptions>> Configurations { get; } = [];

    internal List<string> Errors { get; } = [];

    internal Func<IServiceProvider, CancellationToken, Task<OAuthBearerToken>>? TokenSource { get; private set; }

    /// <summary>Sets options in code, over configuration section <c>EventBus</c>.</summary>
    /// <param name="configure">Changes the options; called once, when the bus is first needed.</param>
    /// <returns>This builder.</returns>
    public EventBusBuilder Configure(Action<EventBusOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        Configurations.Add(configure);
        return this;
    }

    /// <summary>
    /// Publishes through the outbox in the database of this context, and relays it. The context's model calls
    /// <c>AddEventBus()</c>; where the context is registered, and how, is as without the bus.
    /// </summary>
    /// <typeparam name="TContext">A context on PostgreSQL or SQLite.</typeparam>
    /// <returns>This builder.</returns>
    public EventBusBuilder UseOutbox<TContext>()
        where TContext : DbContext
    {
        if (!Outboxes.Contains(typeof(TContext)))
        {
            Outboxes.Add(typeof(TContext));
            Outbox.OutboxRegistration.Add<TContext>(Services);
        }

        return this;
    }

    /// <summary>
    /// Adds a consumer of those events whose <see cref="IEventConsumer{TEvent}"/> it implements, or else of those whose
    /// <see cref="IEventBatchConsumer{TEvent}"/>. One event may have consumers of both kinds, each with its own outcome.
    /// </summary>
    /// <typeparam name="TConsumer">The consumer; an instance is created per record or batch from the scope's services.</typeparam>
    /// <param name="name">
    /// What inbox, retries, metrics and configuration know it by; keep it when the class is renamed. Default: the class name in
    /// kebab-case.
    /// </param>
    /// <param name="configure">Sets options in code, over configuration <c>EventBus:Consumers:NAME</c>.</param>
    /// <returns>This builder.</returns>
    public EventBusBuilder AddConsumer<TConsumer>(string? name = null, Action<ConsumerOptions>? configure = null)
        where TConsumer : class
    {
        Consumers.Add(new ConsumerRegistration(name ?? ConsumerRegistration.DefaultName(typeof(TConsumer)), typeof(TConsumer), configure));
        return this;
    }

    /// <summary>
    /// Says that the service publishes this event, so that its names are checked, and its topic is looked for or created, when
    /// the host starts. Publishing works without it; then what is wrong shows at the first publish.
    /// </summary>
    /// <typeparam name="TEvent">The event.</typeparam>
    /// <returns>This builder.</returns>
    public EventBusBuilder Publishes<TEvent>()
        where TEvent : class
    {
        Published.Add(typeof(TEvent));
        return this;
    }

    /// <summary>Names a contract one does not own, or overrides what its <see cref="EventAttribute"/> says.</summary>
    /// <typeparam name="TEvent">The contract.</typeparam>
    /// <param name="configure">Sets name, topic, key, id or naming.</param>
    /// <returns>This builder.</returns>
    public EventBusBuilder Map<TEvent>(Action<EventMapping<TEvent>> configure)
        where TEvent : class
    {
        ArgumentNullException.ThrowIfNull(configure);
        var mapping = new EventMapping<TEvent>();
        configure(mapping);
        if (!Mapped.TryAdd(typeof(TEvent), MappedEvent.From(mapping)))
        {
            Errors.Add($"Map<{typeof(TEvent).Name}> is called twice. Keep one call.");
        }

        return this;
    }

    /// <summary>Adds headers to every event published: tenant, user, correlation.</summary>
    /// <param name="addHeaders">
    /// Called during each publish, with the headers of the call's <see cref="PublishOptions"/>; ambient state (an
    /// <c>AsyncLocal</c>, <c>IHttpContextAccessor</c>) is the caller's. Several run in the order added.
    /// </param>
    /// <returns>This builder.</returns>
    public EventBusBuilder OnPublish(Action<EventHeaders> addHeaders)
    {
        ArgumentNullException.ThrowIfNull(addHeaders);
        PublishHooks.Add(addHeaders);
        return this;
    }

    /// <summary>
    /// Runs around every attempt of every consumer, before a scope or a context is made; around a batch, for each of its records,
    /// side by side.
    /// </summary>
    /// <param name="around">
    /// Gets the event's context and what comes next. What it sets as ambient state, the handler sees; an exception counts as
    /// the handler's. Not calling next skips the event for this consumer. Several run in the order added, the first outermost.
    /// An <see cref="IEventBatchConsumer{TEvent}"/> does not see that ambient state, since each record of a batch has its own: it
    /// takes from each record's context what it needs. Its failure counts even if a hook swallows it.
    /// </param>
    /// <returns>This builder.</returns>
    public EventBusBuilder OnConsume(Func<EventContext, Func<Task>, Task> around)
    {
        ArgumentNullException.ThrowIfNull(around);
        ConsumeHooks.Add(around);
        return this;
    }

    /// <summary>Reads and writes the values of one topic with another serializer than JSON.</summary>
    /// <param name="topic">The topic, without the prefix.</param>
    /// <param name="serializer">Safe for concurrent use.</param>
    /// <returns>This builder.</returns>
    public EventBusBuilder UseSerializer(string topic, IEventBytesSerializer serializer)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        ArgumentNullException.ThrowIfNull(serializer);
        Serializers[topic] = serializer;
        return this;
    }

    /// <summary>Gets tokens for brokers with SASL mechanism OAUTHBEARER (KIP-255), for every client and each time one expires.</summary>
    /// <param name="getToken">Fetches a token. A failure is logged and tried again.</param>
    /// <returns>This builder.</returns>
    public EventBusBuilder UseOAuthBearer(Func<IServiceProvider, CancellationToken, Task<OAuthBearerToken>> getToken)
    {
        ArgumentNullException.ThrowIfNull(getToken);
        TokenSource = getToken;
        return this;
    }
}
