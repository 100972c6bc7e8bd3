using Cuckoo.EventBus.Health;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus;

/// <summary>Adds the bus's health checks.</summary>
public static class EventBusHealthCheckExtensions
{
    /// <summary>
    /// Adds five checks, with the tag <c>ready</c>: for readiness, not for liveness, since a restart mends nothing of what they
    /// look at. Each says what a person should do, in its description and one by one in its data under <c>what to do</c>. From where
    /// on they speak up is in <see cref="HealthOptions"/>.
    /// <list type="bullet">
    /// <item><c>cuckoo-eventbus-tables</c>: unhealthy while a database lacks a table or a column of the bus, with the migration that
    /// is missing, or does not answer.</item>
    /// <item><c>cuckoo-eventbus-outbox</c>: degraded while an outbox has dead events or one that waits longer than
    /// <see cref="HealthOptions.OutboxDegradedAge"/>, unhealthy if its database does not answer.</item>
    /// <item><c>cuckoo-eventbus-broker</c>: degraded while no broker answers, unhealthy where the service has no outbox to publish into.</item>
    /// <item><c>cuckoo-eventbus-consumers</c>: unhealthy while a group has something to handle and finishes nothing for
    /// <see cref="HealthOptions.ConsumerUnhealthyStall"/>, is refused or was fenced; degraded while a consumer is paused, or an outage is
    /// the cause.</item>
    /// <item><c>cuckoo-eventbus-parked</c>: degraded while there are parked records of a consumer, or from a topic, that this
    /// service does not have, unhealthy if their database does not answer.</item>
    /// </list>
    /// </summary>
    /// <param name="builder">What <c>AddHealthChecks()</c> returns.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddCuckooEventBus(this IHealthChecksBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder
            .AddCheck<TablesHealthCheck>("cuckoo-eventbus-tables", tags: ["ready"])
            .AddCheck<OutboxHealthCheck>("cuckoo-eventbus-outbox", tags: ["ready"])
            .AddCheck<BrokerHealthCheck>("cuckoo-eventbus-broker", tags: ["ready"])
            .AddCheck<ConsumersHealthCheck>("cuckoo-eventbus-consumers", tags: ["ready"])
            .AddCheck<ParkedHealthCheck>("cuckoo-eventbus-parked", tags: ["ready"]);
    }
}
