using System.Reflection;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Cuckoo.EventBus;

/// <summary>Puts together defaults, configuration and code, and collects every error on the way.</summary>
internal sealed class BusSettingsReader(EventBusBuilder builder, IConfiguration? configuration, IHostEnvironment? environment)
{
    private const int MaxNameLength = 200;
    private const string Section = "EventBus";

    private readonly List<string> _errors = [.. builder.Errors];
    private readonly EventBusOptions _options = new();

    public BusSettings Read()
    {
        var section = configuration?.GetSection(Section);
        if (section is not null)
        {
            ReadOptions(section);
        }

        foreach (var configure in builder.Configurations)
        {
            configure(_options);
        }

        if (_options.BootstrapServers.Length == 0)
        {
            _options.BootstrapServers = configuration?.GetConnectionString("kafka") ?? "";
        }

        if (_options.ServiceName.Length == 0)
        {
            _options.ServiceName = environment?.ApplicationName ?? Assembly.GetEntryAssembly()?.GetName().Name ?? "";
        }

        CheckOptions();
        HealthSettings.Check(_options.Health, _errors);
        KafkaSettings.Check(_options.Kafka, _errors);
        var types = new EventTypes(_options.TopicPrefix, builder.Mapped, builder.Serializers);
        foreach (var type in builder.Mapped.Keys)
        {
            Describe(types, type);
        }

        var consumers = builder.Consumers.Select(c => ReadConsumer(c, types, section)).ToList();
        CheckConsumers(consumers, section);
        var settings = new BusSettings
        {
            Options = _options,
            Types = types,
            Outboxes = [.. builder.Outboxes],
            Consumers = consumers,
            Published = [.. builder.Published.Select(type => Describe(types, type)).OfType<EventType>()],
            PublishHooks = [.. builder.PublishHooks],
            ConsumeHooks = [.. builder.ConsumeHooks],
            TokenSource = builder.TokenSource,
            Errors = _errors,
        };
        CheckParking(settings);
        return settings;
    }

    /// <summary>What is to be parked needs a place.</summary>
    private void CheckParking(BusSettings settings) => _errors.AddRange(
        from consumer in settings.Consumers
        where consumer.ContextType is null
        from topic in consumer.EventTypes.Select(type => type.Topic).Distinct(StringComparer.Ordinal)
        where settings.UnknownTypesOf(topic) is UnknownEventTypes.Park
        select $"{Section}:Topics:{topic[_options.TopicPrefix.Length..]}:UnknownTypes is Park, and consumer '{consumer.Name}', which reads the topic, has no database to park in. Add UseOutbox<TContext>(), or set it to Skip or DeadLetter.");

    private void ReadOptions(IConfigurationSection section)
    {
        var reader = new OptionsReader(_errors);
        reader.Read(section, _options, "Consumers", "Kafka", nameof(EventBusOptions.ConsumersEnabled));
        if (section.GetSection(nameof(EventBusOptions.ConsumersEnabled)).Value is not null)
        {
            _errors.Add($"{Section}:{nameof(EventBusOptions.ConsumersEnabled)} is not a setting. Use {Section}:Consumers:Enabled.");
        }

        _options.ConsumersEnabled = reader.TryBool(section.GetSection("Consumers:Enabled"), _options.ConsumersEnabled);
        var kafka = section.GetSection("Kafka");
        OptionsReader.ReadMap(kafka, _options.Kafka.Common, "Producer", "Consumer");
        OptionsReader.ReadMap(kafka.GetSection("Producer"), _options.Kafka.Producer);
        OptionsReader.ReadMap(kafka.GetSection("Consumer"), _options.Kafka.Consumer);
    }

    private void CheckOptions()
    {
        var hasRole = _options.ConsumersEnabled || _options.Relay.Enabled;
        Require(_options.BootstrapServers.Length > 0 || !hasRole, "BootstrapServers", "is empty", "Set it, or ConnectionStrings:kafka, to the brokers as host:port.");
        Require(
            _options.ServiceName.Length is > 0 and <= MaxNameLength && !_options.ServiceName.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)),
            "ServiceName",
            $"is '{_options.ServiceName}'",
            $"Set it to 1 to {MaxNameLength} characters without white space.");
        foreach (var topic in _options.Topics.Keys.Append(_options.DeadLetterTopic))
        {
            if (EventTypes.TopicNameError(_options.TopicPrefix + topic) is { } error)
            {
                _errors.Add($"{Section}:Topics: {error}");
            }
        }

        foreach (var (name, topic) in _options.Topics.Append(new("", _options.TopicDefaults)))
        {
            var path = name.Length == 0 ? "TopicDefaults" : $"Topics:{name}";
            AtLeast(topic.Partitions ?? 1, 1, $"{path}:Partitions");
            AtLeast(topic.ReplicationFactor ?? 1, 1, $"{path}:ReplicationFactor");
            AtLeast(topic.MinInSyncReplicas ?? 1, 1, $"{path}:MinInSyncReplicas");
            AtLeast(topic.MaxMessageBytes ?? 1000, 1000, $"{path}:MaxMessageBytes");
            Require(topic.MaxMessageBytes is null or <= 1_000_000_000, $"{path}:MaxMessageBytes", $"is {topic.MaxMessageBytes}", "librdkafka's limit is 1,000,000,000.");
            Positive(topic.Retention ?? TimeSpan.MaxValue, $"{path}:Retention");
        }

        var relay = _options.Relay;
        AtLeast(relay.BatchSize, 1, "Relay:BatchSize");
        Require(relay.BatchSize <= 100_000, "Relay:BatchSize", $"is {relay.BatchSize}", "Set it to at most 100000.");
        AtLeast(relay.BatchBytes, 1, "Relay:BatchBytes");
        AtLeast(relay.Concurrency, 1, "Relay:Concurrency");
        AtLeast(relay.MaxAttempts, 1, "Relay:MaxAttempts");
        Require(relay.Lease >= TimeSpan.FromSeconds(1), "Relay:Lease", $"is {relay.Lease}", "Set it to at least 00:00:01: it is renewed three times in its length.");
        Positive(relay.SweepInterval, "Relay:SweepInterval");
        Positive(relay.RetryDelay, "Relay:RetryDelay");
        Require(relay.MaxRetryDelay >= relay.RetryDelay, "Relay:MaxRetryDelay", $"is {relay.MaxRetryDelay}", $"Set it to at least RetryDelay, {relay.RetryDelay}.");
        Positive(_options.InboxRetention, "InboxRetention");
        Positive(_options.DeadLetterRetention, "DeadLetterRetention");
        Require(_options.StopTimeout >= TimeSpan.Zero, "StopTimeout", $"is {_options.StopTimeout}", "Set it to 00:00:00 or more.");
    }

    private ConsumerSettings ReadConsumer(ConsumerRegistration registration, EventTypes types, IConfigurationSection? section)
    {
        var path = $"Consumers:{registration.Name}";
        var options = _options.ConsumerDefaults.Copy();
        if (section?.GetSection(path) is { } own)
        {
            new OptionsReader(_errors).Read(own, options);
        }

        registration.Configure?.Invoke(options);
        AtLeast(options.Concurrency, 1, $"{path}:Concurrency");
        AtLeast(options.Attempts, 1, $"{path}:Attempts");
        Positive(options.RetryDelay, $"{path}:RetryDelay");
        Positive(options.AttemptTimeout, $"{path}:AttemptTimeout");
        Require(options.MaxRetryDelay >= options.RetryDelay, $"{path}:MaxRetryDelay", $"is {options.MaxRetryDelay}", $"Set it to at least RetryDelay, {options.RetryDelay}.");
        AtLeast(options.ParkedAttempts, 0, $"{path}:ParkedAttempts");
        Positive(options.ParkedRetryDelay, $"{path}:ParkedRetryDelay");
        Require(
            options.MaxParkedRetryDelay >= options.ParkedRetryDelay,
            $"{path}:MaxParkedRetryDelay",
            $"is {options.MaxParkedRetryDelay}",
            $"Set it to at least ParkedRetryDelay, {options.ParkedRetryDelay}.");
        AtLeast(options.BatchSize, 1, $"{path}:BatchSize");
        Require(options.BatchSize <= 10_000, $"{path}:BatchSize", $"is {options.BatchSize}", "Set it to at most 10000.");
        Require(options.BatchWait >= TimeSpan.Zero, $"{path}:BatchWait", $"is {options.BatchWait}", "Set it to 00:00:00 or more.");
        Positive(options.PauseTime, $"{path}:PauseTime");
        Require(options.KillSwitch.FailureRate is >= 0 and <= 1, $"{path}:KillSwitch:FailureRate", $"is {options.KillSwitch.FailureRate}", "Set it to a share from 0 (never) to 1.");
        UpToADay(options.KillSwitch.Window, $"{path}:KillSwitch:Window");
        AtLeast(options.KillSwitch.MinimumAttempts, 2, $"{path}:KillSwitch:MinimumAttempts");
        UpToADay(options.KillSwitch.Pause, $"{path}:KillSwitch:Pause");

        var group = options.Group ?? _options.ServiceName;
        Require(group.Length is > 0 and <= MaxNameLength && !group.Any(char.IsControl), $"{path}:Group", $"is '{group}'", $"Set it to 1 to {MaxNameLength} characters.");
        CheckInterfaces(registration);
        return new ConsumerSettings
        {
            Name = registration.Name,
            ConsumerType = registration.ConsumerType,
            EventTypes = [.. registration.EventTypes.Concat(registration.BatchEventTypes).Select(type => Describe(types, type)).OfType<EventType>()],
            IsBatch = registration.BatchEventTypes.Count > 0,
            Group = group,
            Options = options,
            ContextType = ContextOf(registration, options),
        };
    }

    /// <summary>
    /// The parked records of a key belong to its consumer, and one lane decides about them: the key's, or the partition's for one
    /// that takes batches. So a consumer takes its events in one way.
    /// </summary>
    private void CheckInterfaces(ConsumerRegistration registration)
    {
        var name = registration.ConsumerType.Name;
        if (registration.EventTypes.Count == 0 && registration.BatchEventTypes.Count == 0)
        {
            _errors.Add($"AddConsumer<{name}>: the class implements no IEventConsumer<TEvent> and no IEventBatchConsumer<TEvent>. Implement one of them for each event it handles.");
        }

        if (registration.EventTypes.Count > 0 && registration.BatchEventTypes.Count > 0)
        {
            _errors.Add(
                $"AddConsumer<{name}>: the class takes {string.Join(", ", registration.EventTypes.Select(t => t.Name))} one by one (IEventConsumer<TEvent>) and {string.Join(", ", registration.BatchEventTypes.Select(t => t.Name))} in batches (IEventBatchConsumer<TEvent>). A consumer does one or the other: move one of them to a class of its own and add that too.");
        }
    }

    private Type? ContextOf(ConsumerRegistration registration, ConsumerOptions options)
    {
        if (options.ContextType is { } named)
        {
            if (!builder.Outboxes.Contains(named))
            {
                _errors.Add($"Consumer '{registration.Name}' uses {named.Name}, which has no outbox. Add UseOutbox<{named.Name}>().");
            }

            return named;
        }

        if (builder.Outboxes.Count > 1)
        {
            var names = string.Join(" or ", builder.Outboxes.Select(t => t.Name));
            _errors.Add($"Consumer '{registration.Name}' could use the database of {names}. Choose one with AddConsumer<{registration.ConsumerType.Name}>(configure: o => o.UseContext<…>()).");
        }

        return builder.Outboxes.FirstOrDefault();
    }

    private void CheckConsumers(List<ConsumerSettings> consumers, IConfigurationSection? section)
    {
        foreach (var twins in consumers.GroupBy(c => c.Name, StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1))
        {
            _errors.Add($"Two consumers are named '{twins.Key}': {string.Join(" and ", twins.Select(c => c.ConsumerType.Name))}. Name one of them: AddConsumer<…>(\"another-name\").");
        }

        foreach (var consumer in consumers)
        {
            Require(
                consumer.Name.Length is > 0 and <= MaxNameLength && !consumer.Name.Any(c => char.IsControl(c) || c == ':') && !consumer.Name.Equals("enabled", StringComparison.OrdinalIgnoreCase),
                $"Consumers:{consumer.Name}",
                "is no consumer's name",
                $"Use 1 to {MaxNameLength} characters without ':', and not 'enabled'.");
        }

        foreach (var group in consumers.GroupBy(c => c.Group, StringComparer.Ordinal))
        {
            if (group.Select(c => c.Options.StartFrom).Distinct().Count() > 1)
            {
                _errors.Add($"Consumers of group '{group.Key}' differ in StartFrom ({string.Join(", ", group.Select(c => $"{c.Name}: {c.Options.StartFrom}"))}). A group has one starting point: set the same, or use another Group.");
            }

            foreach (var name in group.SelectMany(c => c.EventTypes).Distinct().GroupBy(t => (t.Topic, t.Name)).Where(g => g.Count() > 1))
            {
                _errors.Add($"Event '{name.Key.Name}' of topic '{name.Key.Topic}' is read as {string.Join(" and ", name.Select(t => t.ClrType.Name))} in group '{group.Key}'. Give one of them another name, or its consumer another group.");
            }

            foreach (var topic in group.SelectMany(c => c.EventTypes).Distinct().Where(t => t.IsTopicDefault).GroupBy(t => t.Topic).Where(g => g.Count() > 1))
            {
                _errors.Add($"Topic '{topic.Key}' has several default event types: {string.Join(", ", topic.Select(t => t.ClrType.Name))}. Set IsTopicDefault on one only.");
            }
        }

        foreach (var child in section?.GetSection("Consumers").GetChildren() ?? [])
        {
            if (!child.Key.Equals("Enabled", StringComparison.OrdinalIgnoreCase) && !consumers.Exists(c => c.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase)))
            {
                _errors.Add($"{child.Path} names no consumer. Remove it, or correct it to one of: {string.Join(", ", consumers.Select(c => c.Name))}.");
            }
        }
    }

    private EventType? Describe(EventTypes types, Type type)
    {
        try
        {
            return types.Of(type);
        }
        catch (EventBusException e)
        {
            if (!_errors.Contains(e.Message))
            {
                _errors.Add(e.Message);
            }

            return null;
        }
    }

    private void Require(bool holds, string path, string what, string remedy)
    {
        if (!holds)
        {
            _errors.Add($"{Section}:{path} {what}. {remedy}");
        }
    }

    private void AtLeast(int value, int least, string path) => Require(value >= least, path, $"is {value}", $"Set it to at least {least}, or remove it for the default.");

    private void Positive(TimeSpan value, string path) => Require(value > TimeSpan.Zero, path, $"is {value}", "Set it to more than 00:00:00, or remove it for the default.");

    private void UpToADay(TimeSpan value, string path) =>
        Require(value >= TimeSpan.FromSeconds(0.5) && value <= TimeSpan.FromDays(1), path, $"is {value}", "Set it to 00:00:00.5 or more, and at most 1.00:00:00.");
}
