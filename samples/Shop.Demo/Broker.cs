using Confluent.Kafka;
using Cuckoo.EventBus.Testing;

namespace Shop.Demo;

/// <summary>The real Kafka that was asked for, or an embedded one.</summary>
internal sealed class Broker : IDisposable
{
    private const int Partitions = 3;

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(10);

    private readonly EmbeddedKafka? _embedded;

    public Broker(DemoOptions options)
    {
        _embedded = options.Kafka is null ? EmbeddedKafka.Start() : null;
        BootstrapServers = options.Kafka ?? _embedded!.BootstrapServers;
    }

    public string BootstrapServers { get; }

    public string Description => _embedded is null ? $"Kafka at {BootstrapServers}" : "embedded Kafka";

    /// <exception cref="DemoException">It does not answer.</exception>
    public void CheckThatItAnswers()
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers })
            .SetLogHandler((_, _) => { }) // on the console otherwise, twenty lines a second
            .Build();
        try
        {
            admin.GetMetadata(AnswerLimit);
        }
        catch (KafkaException e)
        {
            throw new DemoException($"{Description} does not answer: {e.Error.Reason}. Correct --kafka, or leave it out for an embedded broker.");
        }
    }

    /// <summary>A service's settings for this broker.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings()
    {
        yield return new("ConnectionStrings:kafka", BootstrapServers);
        yield return new("EventBus:EnsureTopics", _embedded is null ? "true" : "false");
        foreach (var topic in Flow.Topics)
        {
            yield return new($"EventBus:Topics:{topic}:Partitions", $"{Partitions}");
        }

        // The demo ends when nothing is left to commit: it need not wait five seconds for the last one.
        yield return new("EventBus:Kafka:Consumer:auto.commit.interval.ms", "500");
        if (_embedded is null)
        {
            // A killed run's members hold their partitions for this long: the shortest time that Kafka allows by default.
            yield return new("EventBus:Kafka:Consumer:session.timeout.ms", "6000");
        }

        foreach (var (name, value) in _embedded?.ConsumerSettings ?? new Dictionary<string, string>())
        {
            yield return new($"EventBus:Kafka:Consumer:{name}", value);
        }
    }

    /// <summary>The embedded broker has no administrator; a real one's topics are the services' affair.</summary>
    public void CreateTopics(Run run)
    {
        foreach (var topic in _embedded is null ? [] : Flow.Topics.Append(Flow.DeadLetterTopic))
        {
            _embedded!.CreateTopic(run.Prefix + topic, Partitions);
        }
    }

    public void Dispose() => _embedded?.Dispose();
}
