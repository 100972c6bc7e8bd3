using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus;

/// <summary>Adds the event bus to a service.</summary>
public static class EventBusServiceCollectionExtensions
{
    /// <summary>
    /// Adds the event bus: <see cref="IEventPublisher"/>, <see cref="IDirectEventPublisher"/>, and a hosted service that relays
    /// outboxes and runs consumers. Settings come from configuration section <c>EventBus</c>; code overrides them.
    /// </summary>
    /// <param name="services">The service collection.</param>
    /// <param name="configure">Names outboxes, consumers and settings. May be called several times; the calls add up.</param>
    /// <returns>The service collection.</returns>
    /// <remarks>Configuration errors are thrown when the host starts: <see cref="EventBusConfigurationException"/>, all at once.</remarks>
    public static IServiceCollection AddCuckooEventBus(this IServiceCollection services, Action<EventBusBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var builder = BusRegistration.BuilderOf(services);
        configure?.Invoke(builder);
        return services;
    }
}
