using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Looks for the service's topics when the host starts and creates missing ones if it may. Without a broker the host starts
/// all the same, and the look follows when one answers.
/// </summary>
internal sealed class Topics(BusSettings settings, KafkaClients clients, TimeProvider time, BusLoggers loggers) : IDisposable
{
    /// <summary>How long a start waits for a broker's answer before it goes on without.</summary>
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(5);

    /// <summary>How often a broker that was away, or topics that were missing, are asked for again.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);

    /// <summary>Kafka's own default for topics is the broker's; the bus's is written down here, as its documentation says.</summary>
    private const int DefaultPartitions = 3;

    private readonly ILogger _logger = loggers.CreateLogger<Topics>();
    private CancellationTokenSource? _stop;
    private Task _later = Task.CompletedTask;

    /// <exception cref="MissingTopicsException">A broker answered, and topics are missing that may not be created.</exception>
    public async Task StartAsync(CancellationToken ct)
    {
        var wanted = Wanted();
        if (wanted.Count == 0)
        {
            return;
        }

        try
        {
            await EnsureAsync(wanted, ct).ConfigureAwait(false);
        }
        catch (KafkaException e)
        {
            KafkaLog.BrokerAway(_logger, settings.Options.BootstrapServers, e.Error.Reason);
            _stop = new CancellationTokenSource();
            var stop = _stop.Token;
            _later = Task.Run(() => EnsureLaterAsync(wanted, stop), CancellationToken.None);
        }
    }

    /// <summary>May be called at any time, also twice, or after the host's services were disposed.</summary>
    public async Task StopAsync()
    {
        Dispose();
        await _later.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _stop?.Cancel();
        _stop?.Dispose();
        _stop = null;
    }

    private HashSet<string> Wanted()
    {
        var wanted = settings.Published.Select(t => t.Topic).ToHashSet(StringComparer.Ordinal);
        wanted.UnionWith(settings.Options.Topics.Keys.Select(topic => settings.Options.TopicPrefix + topic));
        if (settings.Options.ConsumersEnabled && settings.Consumers.Count > 0)
        {
            wanted.UnionWith(settings.Consumers.SelectMany(c => c.EventTypes).Select(t => t.Topic));
            wanted.Add(settings.DeadLetterTopic);
        }

        return wanted;
    }

    private async Task EnsureAsync(HashSet<string> wanted, CancellationToken ct)
    {
        using var admin = clients.Admin();
        // Of all topics: asking for single ones creates them on brokers that create topics by themselves.
        var metadata = await Task.Run(() => admin.GetMetadata(FirstAnswer), ct).ConfigureAwait(false);
        var missing = wanted.Except(metadata.Topics.Select(t => t.Topic)).Order(StringComparer.Ordinal).ToList();
        if (missing.Count == 0)
        {
            return;
        }

        if (!settings.Options.EnsureTopics)
        {
            throw new MissingTopicsException(missing, settings.Options.BootstrapServers);
        }

        try
        {
            await admin.CreateTopicsAsync(missing.Select(Specification)).WaitAsync(ct).ConfigureAwait(false);
        }
        catch (CreateTopicsException e) when (e.Results.TrueForAll(r => !r.Error.IsError || r.Error.Code == ErrorCode.TopicAlreadyExists))
        {
            // Another instance was faster.
        }
        catch (CreateTopicsException e)
        {
            var failures = e.Results.Where(r => r.Error.IsError).Select(r => $"'{r.Topic}': {r.Error.Reason}");
            throw new EventBusException($"Topics could not be created: {string.Join("; ", failures)}. Correct EventBus:Topics or the rights of this client, or create them by hand.", e);
        }

        foreach (var topic in missing)
        {
            KafkaLog.TopicCreated(_logger, topic, settings.OfTopic(topic, static t => t.Partitions) ?? DefaultPartitions);
        }
    }

    private TopicSpecification Specification(string topic)
    {
        var configs = new Dictionary<string, string>
        {
            ["retention.ms"] = ((long)settings.RetentionOf(topic).TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
        };
        if (settings.OfTopic(topic, static t => t.MaxMessageBytes) is { } bytes)
        {
            configs["max.message.bytes"] = bytes.ToString(CultureInfo.InvariantCulture);
        }

        if (settings.OfTopic(topic, static t => t.MinInSyncReplicas) is { } replicas)
        {
            configs["min.insync.replicas"] = replicas.ToString(CultureInfo.InvariantCulture);
        }

        return new TopicSpecification
        {
            Name = topic,
            NumPartitions = settings.OfTopic(topic, static t => t.Partitions) ?? DefaultPartitions,
            // -1 is the broker's default (KIP-464).
            ReplicationFactor = settings.OfTopic(topic, static t => t.ReplicationFactor) ?? -1,
            Configs = configs,
        };
    }

    private async Task EnsureLaterAsync(HashSet<string> wanted, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(AskAgain, time, stop).ConfigureAwait(false);
                await EnsureAsync(wanted, stop).ConfigureAwait(false);
                return;
            }
            catch (EventBusException e)
            {
                // Too late to refuse the start: said loudly until someone creates them.
                KafkaLog.TopicsMissing(_logger, e.Message);
            }
            catch (KafkaException e)
            {
                KafkaLog.BrokerAway(_logger, settings.Options.BootstrapServers, e.Error.Reason);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
