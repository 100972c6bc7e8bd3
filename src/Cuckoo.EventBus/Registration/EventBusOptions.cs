namespace Cuckoo.EventBus;

/// <summary>The bus's settings: defaults, then configuration section <c>EventBus</c>, then code.</summary>
public sealed class EventBusOptions
{
    /// <summary>
    /// The brokers to ask first, <c>host:port</c>, comma separated. Configuration: <c>EventBus:BootstrapServers</c>, else
    /// <c>ConnectionStrings:kafka</c>. Required.
    /// </summary>
    public string BootstrapServers { get; set; } = "";

    /// <summary>
    /// The service's name: the <c>source</c> of the events it publishes and its consumers' default group. Default: the
    /// host's application name.
    /// </summary>
    public string ServiceName { get; set; } = "";

    /// <summary>Put before every topic's name, for several environments on one cluster. Default: nothing.</summary>
    public string TopicPrefix { get; set; } = "";

    /// <summary>The topic of dead letters, without the prefix. Default: <c>dead-letter-queue</c>.</summary>
    public string DeadLetterTopic { get; set; } = "dead-letter-queue";

    /// <summary>
    /// Whether missing topics are created when the host starts. Default: <see langword="false"/>: they are an error that names
    /// them.
    /// </summary>
    public bool EnsureTopics { get; set; }

    /// <summary>What a topic has that <see cref="Topics"/> does not say otherwise.</summary>
    public TopicOptions TopicDefaults { get; } = new();

    /// <summary>Settings of single topics, by name without the prefix. Configuration: <c>EventBus:Topics:NAME:…</c>.</summary>
    public IDictionary<string, TopicOptions> Topics { get; } = new Dictionary<string, TopicOptions>(StringComparer.Ordinal);

    /// <summary>The outbox relay.</summary>
    public RelayOptions Relay { get; } = new();

    /// <summary>
    /// Whether this process consumes. Default: <see langword="true"/>. Configuration: <c>EventBus:Consumers:Enabled</c>.
    /// </summary>
    public bool ConsumersEnabled { get; set; } = true;

    /// <summary>What every consumer has that its own settings do not say otherwise. Configuration: <c>EventBus:ConsumerDefaults:…</c>.</summary>
    public ConsumerOptions ConsumerDefaults { get; } = new();

    /// <summary>
    /// How long handled events are remembered, so that a repeat has no effect. Default: 7 days, Kafka's default retention: a
    /// record can't be read again after that.
    /// </summary>
    public TimeSpan InboxRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long dead letters stay in the table <c>dead_letters</c>. Default: 30 days.</summary>
    public TimeSpan DeadLetterRetention { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// How long running handlers may take to finish when the host stops or a partition is given up. Default: 20 s; then they
    /// are cancelled and their records are delivered again.
    /// </summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>From where on the health checks are degraded or unhealthy.</summary>
    public HealthOptions Health { get; } = new();

    /// <summary>Settings for librdkafka, untouched: those of every client, of producers, of consumers.</summary>
    public KafkaOptions Kafka { get; } = new();
}
