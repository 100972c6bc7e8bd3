using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Testing;

/// <summary>What <see cref="EmbeddedKafka.Start"/> starts. Immutable; every default suits a test.</summary>
public sealed record EmbeddedKafkaOptions
{
    /// <summary>
    /// Number of brokers, at least 1; default 1. Their ids are 1, 2, …; each listens on a free TCP port of 127.0.0.1.
    /// </summary>
    public int BrokerCount { get; init; } = 1;

    /// <summary>
    /// How long the first member of a classic group waits for others, in whole milliseconds; default 0, a real broker's is
    /// 3 s. Kafka's <c>group.initial.rebalance.delay.ms</c>. Groups of KIP-848 do not wait.
    /// </summary>
    public TimeSpan GroupInitialRebalanceDelay { get; init; } = TimeSpan.Zero;

    /// <summary>
    /// How often members of a KIP-848 group send heartbeats, in whole milliseconds, at least 1 ms; default 100 ms, a real
    /// broker's is 5 s. Kafka's <c>group.consumer.heartbeat.interval.ms</c>. A rebalance takes a few of these.
    /// </summary>
    public TimeSpan GroupConsumerHeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// After how long without a heartbeat a member of a KIP-848 group loses its partitions, in whole milliseconds, longer
    /// than <see cref="GroupConsumerHeartbeatInterval"/>; default 30 s, a real broker's is 45 s. Kafka's
    /// <c>group.consumer.session.timeout.ms</c>. Short values make a crashed member quick to replace, and a machine that
    /// stalls look like a crashed member.
    /// </summary>
    public TimeSpan GroupConsumerSessionTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Where the log lines of the brokers go; default null, nowhere. They are errors only, unless the logger is enabled for
    /// <see cref="LogLevel.Trace"/> when the cluster starts: then every request is among them (librdkafka's
    /// <c>debug=mock</c>). It is called from native threads, and what it throws is ignored.
    /// </summary>
    public ILogger? Logger { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BrokerCount, 1);
        Milliseconds.Of(GroupInitialRebalanceDelay, 0, nameof(GroupInitialRebalanceDelay));
        Milliseconds.Of(GroupConsumerHeartbeatInterval, 1, nameof(GroupConsumerHeartbeatInterval));
        Milliseconds.Of(GroupConsumerSessionTimeout, 1, nameof(GroupConsumerSessionTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(GroupConsumerSessionTimeout, GroupConsumerHeartbeatInterval);
    }
}
