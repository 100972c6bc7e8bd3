using System.Globalization;
using Confluent.Kafka;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>Makes librdkafka's clients: the user's settings, then the ones that the bus's promises rest on.</summary>
internal sealed class KafkaClients(BusSettings settings, IServiceProvider services, TimeProvider time, BusLoggers loggers)
{
    /// <summary>Room in the client's own limit for headers, key and framing around the largest value.</summary>
    private const int MessageOverhead = 64 * 1024;

    /// <summary>librdkafka's own default of <c>max.poll.interval.ms</c>.</summary>
    private const int DefaultMaxPollInterval = 300_000;

    private readonly ILogger _logger = loggers.CreateLogger<KafkaClients>();

    /// <summary>How long a consumer may go without polling before its group moves on without it.</summary>
    public TimeSpan MaxPollInterval => TimeSpan.FromMilliseconds(
        int.TryParse(Client(settings.Options.Kafka.Consumer).GetValueOrDefault("max.poll.interval.ms"), CultureInfo.InvariantCulture, out var interval) ? interval : DefaultMaxPollInterval);

    /// <summary>
    /// A producer for which nothing of a partition is acknowledged after a record that the broker refused for good: it becomes
    /// fatal instead. An outage only makes it wait.
    /// </summary>
    /// <param name="onError">Told of the client's errors.</param>
    /// <param name="lingerMs">How long the first record of a batch waits for others, unless the user says it, in milliseconds.</param>
    /// <param name="oneRecordPerBatch">Whether each record travels alone.</param>
    public IProducer<byte[]?, byte[]?> Producer(Action<Error> onError, double lingerMs = 0, bool oneRecordPerBatch = false)
    {
        var config = ProducerSettings(lingerMs);
        if (oneRecordPerBatch)
        {
            config.BatchNumMessages = 1;
        }

        return Build(() =>
        {
            var builder = new ProducerBuilder<byte[]?, byte[]?>(config)
                .SetErrorHandler((_, error) => onError(error))
                .SetLogHandler((_, message) => Log(message));
            if (settings.TokenSource is not null)
            {
                builder.SetOAuthBearerTokenRefreshHandler((client, _) => RefreshToken(client));
            }

            if (ClientStatistics.IntervalOf(config) is { } interval)
            {
                builder.SetStatisticsHandler((client, json) => ClientStatistics.Take(client.Name, json, interval, time));
            }

            return builder.Build();
        });
    }

    /// <summary>A consumer of a group whose offsets move only when the bus stores them.</summary>
    public IConsumer<byte[]?, byte[]?> Consumer(string group, Action<ConsumerBuilder<byte[]?, byte[]?>> handlers)
    {
        var config = ConsumerSettings(group);
        return Build(() =>
        {
            var builder = new ConsumerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, message) => Log(message));
            if (settings.TokenSource is not null)
            {
                builder.SetOAuthBearerTokenRefreshHandler((client, _) => RefreshToken(client));
            }

            if (ClientStatistics.IntervalOf(config) is { } interval)
            {
                builder.SetStatisticsHandler((client, json) => ClientStatistics.Take(client.Name, json, interval, time));
            }

            handlers(builder);
            return builder.Build();
        });
    }

    /// <summary>An administration client.</summary>
    public IAdminClient Admin() => Build(() =>
    {
        var builder = new AdminClientBuilder(new AdminClientConfig(Client(new Dictionary<string, string>())))
            .SetErrorHandler((_, error) => KafkaLog.ClientError(_logger, error.Code.ToString(), error.Reason))
            .SetLogHandler((_, message) => Log(message));
        if (settings.TokenSource is not null)
        {
            builder.SetOAuthBearerTokenRefreshHandler((client, _) => RefreshToken(client));
        }

        return builder.Build();
    });

    /// <summary>Has librdkafka judge every setting, without a word to any broker.</summary>
    public IEnumerable<string> Check()
    {
        var producer = ProducerSettings(lingerMs: 0);
        var consumer = ConsumerSettings(settings.Options.ServiceName);
        producer.BootstrapServers = consumer.BootstrapServers = null;
        return Check("EventBus:Kafka and EventBus:Kafka:Producer", new ProducerBuilder<Null, Null>(producer).SetLogHandler(static (_, _) => { }).Build)
            .Concat(Check("EventBus:Kafka and EventBus:Kafka:Consumer", new ConsumerBuilder<Null, Null>(consumer).SetLogHandler(static (_, _) => { }).Build));
    }

    private static IEnumerable<string> Check(string path, Func<IDisposable> build)
    {
        try
        {
            Build(build).Dispose();
            return [];
        }
        catch (EventBusConfigurationException e)
        {
            return [$"{path}: {e.Message}"];
        }
    }

    private ProducerConfig ProducerSettings(double lingerMs)
    {
        var client = Client(settings.Options.Kafka.Producer);
        if (!client.ContainsKey("queue.buffering.max.ms"))
        {
            client.TryAdd("linger.ms", lingerMs.ToString(CultureInfo.InvariantCulture));
        }

        return new ProducerConfig(client)
        {
            // A topic's max.message.bytes is the limit of a whole batch; a single record always makes one.
            BatchSize = SmallestBatch(),
            Acks = Acks.All,
            EnableIdempotence = true,
            EnableGaplessGuarantee = true,
            // With more in flight, records behind a producer's very first batch pass it although it is refused.
            MaxInFlight = 1,
            MessageTimeoutMs = 0,
            MessageSendMaxRetries = int.MaxValue,
            Partitioner = Partitioner.Murmur2Random,
            MessageMaxBytes = LargestMessage() + MessageOverhead,
            EnableDeliveryReports = true,
            // Key and value come back with the acknowledgement otherwise, for nobody.
            DeliveryReportFields = "none",
        };
    }

    private ConsumerConfig ConsumerSettings(string group)
    {
        var client = Client(settings.Options.Kafka.Consumer);
        // A topic that is created after its consumers started would otherwise be found after five minutes.
        client.TryAdd("topic.metadata.refresh.interval.ms", "10000");
        // What waits in the client. Its count leaves out what the client adds to each record, which is twice as much where they are
        // small: 64 MB (librdkafka's default) are hundreds, and no faster.
        client.TryAdd("queued.max.messages.kbytes", "2048");
        // A client whose queue was full fetches nothing for a second by default, and a fast consumer has emptied it long before.
        client.TryAdd("fetch.queue.backoff.ms", "20");
        return new ConsumerConfig(client)
        {
            GroupId = group,
            // Also where a group starts at the end, which is committed once: see LatestStart.
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnableAutoCommit = true,
            EnableAutoOffsetStore = false,
            // Says how far was read where that is no record's offset; one event more only where there is nothing to do.
            EnablePartitionEof = true,
            IsolationLevel = IsolationLevel.ReadCommitted,
            AllowAutoCreateTopics = false,
        };
    }

    private static TClient Build<TClient>(Func<TClient> build)
    {
        try
        {
            return build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // librdkafka names the property, and a value only where it is an enumeration's, never a secret's.
            throw new EventBusConfigurationException([$"librdkafka refuses the settings: {e.Message} Correct or remove the property it names (see librdkafka's CONFIGURATION.md)."]);
        }
    }

    private Dictionary<string, string> Client(IDictionary<string, string> specific)
    {
        if (settings.Options.BootstrapServers.Length == 0)
        {
            throw new EventBusConfigurationException(["EventBus:BootstrapServers is empty. Set it, or ConnectionStrings:kafka, to the brokers as host:port."]);
        }

        var client = new Dictionary<string, string>(settings.Options.Kafka.Common, StringComparer.Ordinal);
        foreach (var (name, value) in specific)
        {
            client[name] = value;
        }

        client["bootstrap.servers"] = settings.Options.BootstrapServers;
        client.TryAdd("client.id", settings.Options.ServiceName);
        return client;
    }

    private int SmallestBatch()
    {
        var configured = Client(settings.Options.Kafka.Producer).GetValueOrDefault("batch.size");
        var batch = int.TryParse(configured, CultureInfo.InvariantCulture, out var bytes) ? bytes : 1_000_000;
        return settings.Options.Topics.Values.Append(settings.Options.TopicDefaults).Min(topic => Math.Min(topic.MaxMessageBytes ?? batch, batch));
    }

    private int LargestMessage() => settings.Options.Topics.Values
        .Append(settings.Options.TopicDefaults)
        .Max(topic => topic.MaxMessageBytes ?? 1_000_000);

    private void Log(LogMessage message)
    {
        // The bus's own choice, and its working as meant: nothing that a user can or need act upon.
        if (message.Facility is "CONFWARN" or "FATAL"
            && (message.Message.Contains("enable.gapless.guarantee", StringComparison.Ordinal) || message.Message.Contains("gap-less guarantee", StringComparison.Ordinal)))
        {
            return;
        }

        var level = LevelOf(message);
        KafkaLog.Client(_logger, level, message.Name, message.Facility, message.Message);
    }

    private static LogLevel LevelOf(LogMessage message) => message.LevelAs(LogLevelType.MicrosoftExtensionsLogging) switch
    {
        // What librdkafka calls an error is mostly a broker out of reach, which it goes on trying.
        (int)LogLevel.Error => LogLevel.Warning,
        var level => (LogLevel)level,
    };

    private void RefreshToken(IClient client) => _ = RefreshTokenAsync(client);

    private async Task RefreshTokenAsync(IClient client)
    {
        try
        {
            var token = await settings.TokenSource!(services, CancellationToken.None).ConfigureAwait(false);
            client.OAuthBearerSetToken(token.Value, token.ExpiresAt.ToUnixTimeMilliseconds(), token.Principal);
        }
        catch (Exception e)
        {
            // librdkafka asks again after ten seconds.
            KafkaLog.TokenFailed(_logger, e);
            client.OAuthBearerSetTokenFailure(e.GetType().Name);
        }
    }
}
