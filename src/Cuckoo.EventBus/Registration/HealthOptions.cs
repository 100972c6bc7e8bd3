namespace Cuckoo.EventBus;

/// <summary>
/// From where on the health checks speak up. Configuration: <c>EventBus:Health</c>. A limit that is <see langword="null"/> is never
/// reached. Degraded tells a person; unhealthy takes an instance out of service where its readiness asks these checks, so it is for
/// what another instance might do better.
/// </summary>
public sealed class HealthOptions
{
    /// <summary>How long an event may wait to be sent before the outbox is degraded. Default: 1 min.</summary>
    public TimeSpan OutboxDegradedAge { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long an event may wait to be sent before the outbox is unhealthy. Default: never.</summary>
    public TimeSpan? OutboxUnhealthyAge { get; set; }

    /// <summary>With how many dead events the outbox is degraded, 1 to 10000. Default: 1.</summary>
    public int OutboxDegradedDead { get; set; } = 1;

    /// <summary>With how many dead events the outbox is unhealthy, up to 10000. Default: never.</summary>
    public int? OutboxUnhealthyDead { get; set; }

    /// <summary>How old the oldest record may be that is not finished before its group is degraded. Default: never.</summary>
    public TimeSpan? ConsumerDegradedLagTime { get; set; }

    /// <summary>How old the oldest record may be that is not finished before its group is unhealthy. Default: never.</summary>
    public TimeSpan? ConsumerUnhealthyLagTime { get; set; }

    /// <summary>How long a group may have something to handle and finish nothing of it before it is degraded. Default: never.</summary>
    public TimeSpan? ConsumerDegradedStall { get; set; }

    /// <summary>
    /// How long a group may have something to handle and finish nothing of it before it is unhealthy. Default: 2 min, which is longer
    /// than three attempts of 30 s: give it more where attempts or the pauses between them are longer.
    /// </summary>
    public TimeSpan? ConsumerUnhealthyStall { get; set; } = TimeSpan.FromMinutes(2);
}
