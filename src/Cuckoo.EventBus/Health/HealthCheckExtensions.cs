using Cuckoo.EventBus.Health;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus;

/// <summary>Adds the bus's health checks.</summary>
public static class EventBusHealthCheckExtensions
{
    /// <summary>
    /// Adds <c>cuckoo-eventbus-outbox</c>: degraded while an outbox has dead events or one that waits longer than
    /// <see cref="RelayOptions.MaxAge"/>, unhealthy if its database does not answer. And <c>cuckoo-eventbus-parked</c>: degraded while
    /// there are parked records of a consumer, or from a topic, that this service does not have. For readiness, not for
    /// liveness: a restart mends none of these.
    /// </summary>
    /// <param name="builder">What <c>AddHealthChecks()</c> returns.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddCuckooEventBus(this IHealthChecksBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder
            .AddCheck<OutboxHealthCheck>("cuckoo-eventbus-outbox", tags: ["ready"])
            .AddCheck<ParkedHealthCheck>("cuckoo-eventbus-parked", tags: ["ready"]);
    }
}
