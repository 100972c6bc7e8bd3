using Cuckoo.EventBus.Health;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus;

/// <summary>Adds the bus's health checks.</summary>
public static class EventBusHealthCheckExtensions
{
    /// <summary>
    /// Adds three checks, with the tag <c>ready</c>: for readiness, not for liveness, since a restart mends nothing of what they
    /// look at. Each says what a person should do.
    /// <list type="bullet">
    /// <item><c>cuckoo-eventbus-outbox</c>: degraded while an outbox has dead events or one that waits longer than
    /// <see cref="RelayOptions.MaxAge"/>, unhealthy if its database does not answer.</item>
    /// <item><c>cuckoo-eventbus-broker</c>: degraded while no broker answers, unhealthy where the service has no outbox to publish into.</item>
    /// <item><c>cuckoo-eventbus-consumers</c>: unhealthy while a group has something to handle and finishes nothing for
    /// <see cref="EventBusOptions.MaxStall"/>, is refused or was fenced; degraded while a consumer is paused, or an outage is the cause.</item>
    /// </list>
    /// </summary>
    /// <param name="builder">What <c>AddHealthChecks()</c> returns.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddCuckooEventBus(this IHealthChecksBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder
            .AddCheck<OutboxHealthCheck>("cuckoo-eventbus-outbox", tags: ["ready"])
            .AddCheck<BrokerHealthCheck>("cuckoo-eventbus-broker", tags: ["ready"])
            .AddCheck<ConsumersHealthCheck>("cuckoo-eventbus-consumers", tags: ["ready"]);
    }
}
