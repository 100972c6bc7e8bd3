using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Registration;

/// <summary>What is read from where, and what a start refuses. No broker: all of it is found without asking one.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public async Task All_errors_come_at_once_with_their_paths_and_remedies()
    {
        var errors = await ErrorsAsync(
            new()
            {
                ["EventBus:BootstrapServers"] = "",
                ["EventBus:TopicPrefix"] = "no spaces ",
                ["EventBus:Relay:BatchSize"] = "0",
                ["EventBus:Relay:Lease"] = "7",
                ["EventBus:Relay:MaxAttempts"] = "many",
                ["EventBus:InboxRetention"] = "-00:00:01",
                ["EventBus:EnsureTopics"] = "yes",
                ["EventBus:Topics:order-events:Partitions"] = "0",
                ["EventBus:Topics:order-events:UnknownTypes"] = "Explode",
                ["EventBus:Consumers:on-orders:Concurrency"] = "0",
                ["EventBus:Consumers:on-orders:StartFrom"] = "Yesterday",
                ["EventBus:Consumers:on-ordres:Attempts"] = "3",
                ["EventBus:Consumers:Enabled"] = "maybe",
                ["EventBus:ConsumersEnabled"] = "false",
                ["EventBus:BootstrapServer"] = "typo:9092",
                ["EventBus:Kafka:acks"] = "1",
            },
            bus => bus.AddConsumer<OnOrders>());

        AssertNames(errors, "EventBus:BootstrapServers", "ConnectionStrings:kafka");
        AssertNames(errors, "'no spaces order-events'", "a-z");
        AssertNames(errors, "EventBus:Relay:BatchSize", "at least 1");
        AssertNames(errors, "EventBus:Relay:Lease", "hours:minutes:seconds");
        AssertNames(errors, "EventBus:Relay:MaxAttempts", "whole number");
        AssertNames(errors, "EventBus:InboxRetention", "more than 00:00:00");
        AssertNames(errors, "EventBus:EnsureTopics", "true or false");
        AssertNames(errors, "EventBus:Topics:order-events:Partitions", "at least 1");
        AssertNames(errors, "EventBus:Topics:order-events:UnknownTypes", "Skip, DeadLetter, Park");
        AssertNames(errors, "EventBus:Consumers:on-orders:Concurrency", "at least 1");
        AssertNames(errors, "EventBus:Consumers:on-orders:StartFrom", "Earliest, Latest");
        AssertNames(errors, "EventBus:Consumers:on-ordres", "on-orders");
        AssertNames(errors, "EventBus:Consumers:Enabled", "true or false");
        AssertNames(errors, "EventBus:ConsumersEnabled", "EventBus:Consumers:Enabled");
        AssertNames(errors, "EventBus:BootstrapServer ", "BootstrapServers");
        AssertNames(errors, "EventBus:Kafka:acks", "Remove it");
    }

    [Fact]
    public async Task Limits_of_health_checks_are_positive_and_unhealthy_is_not_before_degraded()
    {
        var errors = await ErrorsAsync(new()
        {
            ["EventBus:Health:OutboxDegradedAge"] = "00:05:00",
            ["EventBus:Health:OutboxUnhealthyAge"] = "00:04:00",
            ["EventBus:Health:OutboxDegradedDead"] = "0",
            ["EventBus:Health:OutboxUnhealthyDead"] = "10001",
            ["EventBus:Health:ConsumerDegradedLagTime"] = "00:00:00",
            ["EventBus:Health:ConsumerUnhealthyLagTime"] = "-00:00:01",
            ["EventBus:Health:ConsumerDegradedStall"] = "00:03:00",
            ["EventBus:Health:ConsumerMaxStall"] = "00:03:00",
        });

        AssertNames(errors, "EventBus:Health:OutboxUnhealthyAge is 00:04:00", "at least OutboxDegradedAge, 00:05:00");
        AssertNames(errors, "EventBus:Health:OutboxDegradedDead is 0", "at least 1");
        AssertNames(errors, "EventBus:Health:OutboxUnhealthyDead is 10001", "at most 10000");
        AssertNames(errors, "EventBus:Health:ConsumerDegradedLagTime is 00:00:00", "more than 00:00:00");
        AssertNames(errors, "EventBus:Health:ConsumerUnhealthyLagTime is -00:00:01. Set it to more than", "default");
        AssertNames(errors, "EventBus:Health:ConsumerUnhealthyStall is 00:02:00", "at least ConsumerDegradedStall, 00:03:00");
        AssertNames(errors, "EventBus:Health:ConsumerMaxStall is not a setting", "ConsumerUnhealthyStall");
    }

    [Fact]
    public async Task A_consumer_takes_its_events_one_by_one_or_in_batches()
    {
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<Both>()), "AddConsumer<Both>", "a class of its own");
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<Neither>()), "AddConsumer<Neither>", "IEventBatchConsumer<TEvent>");
    }

    [Theory]
    [InlineData("acks")]
    [InlineData("enable.idempotence")]
    [InlineData("enable.auto.commit")]
    [InlineData("enable.auto.offset.store")]
    [InlineData("partitioner")]
    [InlineData("group.id")]
    [InlineData("bootstrap.servers")]
    [InlineData("auto.offset.reset")]
    [InlineData("max.in.flight")]
    [InlineData("transactional.id")]
    public async Task A_setting_of_librdkafka_that_would_break_a_promise_is_refused_wherever_it_stands(string name)
    {
        foreach (var path in new[] { "EventBus:Kafka", "EventBus:Kafka:Producer", "EventBus:Kafka:Consumer" })
        {
            AssertNames(await ErrorsAsync(new() { [$"{path}:{name}"] = "1" }), $"{path}:{name} ", "Remove it");
        }
    }

    [Theory]
    [InlineData("EventBus:Topics:order-events:UnknownTypes")]
    [InlineData("EventBus:TopicDefaults:UnknownTypes")]
    public async Task Where_unknown_types_are_parked_every_consumer_of_the_topic_needs_a_database(string path)
    {
        var errors = await ErrorsAsync(new() { [path] = "Park" }, bus => bus.AddConsumer<OnOrders>());

        AssertNames(errors, "EventBus:Topics:order-events:UnknownTypes", "UseOutbox");
        AssertNames(errors, "EventBus:Topics:order-events:UnknownTypes", "'on-orders'");
    }

    [Fact]
    public async Task A_setting_that_librdkafka_does_not_know_is_an_error_that_names_it()
    {
        AssertNames(await ErrorsAsync(new() { ["EventBus:Kafka:Producer:linger.millis"] = "5" }), "EventBus:Kafka:Producer", "linger.millis");
        AssertNames(await ErrorsAsync(new() { ["EventBus:Kafka:Consumer:fetch.wait.max.ms"] = "long" }), "EventBus:Kafka:Consumer", "fetch.wait.max.ms");
    }

    [Fact]
    public async Task Settings_of_librdkafka_go_through_as_they_are()
    {
        await using var service = Build(new()
        {
            ["EventBus:Kafka:client.rack"] = "north",
            ["EventBus:Kafka:Producer:linger.ms"] = "7",
            ["EventBus:Kafka:Consumer:fetch.min.bytes"] = "9",
        });
        await service.StartAsync();

        var kafka = service.Services.GetRequiredService<BusSettings>().Options.Kafka;
        Assert.Equal("north", kafka.Common["client.rack"]);
        Assert.Equal("7", kafka.Producer["linger.ms"]);
        Assert.Equal("9", kafka.Consumer["fetch.min.bytes"]);
    }

    [Fact]
    public void The_bootstrap_servers_fall_back_to_the_connection_string()
    {
        Assert.Equal("fallback:9092", Settings(new() { ["ConnectionStrings:kafka"] = "fallback:9092" }, bootstrapServers: null).Options.BootstrapServers);
        Assert.Equal(
            "own:9092",
            Settings(new() { ["ConnectionStrings:kafka"] = "fallback:9092", ["EventBus:BootstrapServers"] = "own:9092" }, bootstrapServers: null).Options.BootstrapServers);
    }

    [Fact]
    public void Code_overrides_configuration()
    {
        var settings = Settings(
            new() { ["EventBus:ServiceName"] = "configured", ["EventBus:Consumers:on-orders:Attempts"] = "5", ["EventBus:Consumers:on-orders:Concurrency"] = "2" },
            bus => bus.Configure(o => o.ServiceName = "coded").AddConsumer<OnOrders>(configure: o => o.Attempts = 7));

        Assert.Equal("coded", settings.Options.ServiceName);
        Assert.Equal((7, 2), (settings.Consumers[0].Options.Attempts, settings.Consumers[0].Options.Concurrency));
    }

    [Fact]
    public void A_service_is_named_as_its_host_unless_it_says_otherwise()
    {
        Assert.Equal("shop", Settings([]).Options.ServiceName);
        Assert.Equal("shop", Settings([], bus => bus.AddConsumer<OnOrders>()).Consumers[0].Group);
    }

    [Fact]
    public void The_prefix_stands_before_every_topic()
    {
        var settings = Settings(new() { ["EventBus:TopicPrefix"] = "staging." }, bus => bus.AddConsumer<OnOrders>());

        Assert.Equal("staging.order-events", settings.Consumers[0].EventTypes[0].Topic);
        Assert.Equal("staging.dead-letter-queue", settings.DeadLetterTopic);
    }

    [Theory]
    [InlineData(typeof(OnOrders), "on-orders")]
    [InlineData(typeof(HTTPSender), "http-sender")]
    [InlineData(typeof(Scripted<OrderPlaced>), "scripted")]
    public void A_consumer_is_named_after_its_class_in_kebab_case(Type consumer, string name) =>
        Assert.Equal(name, ConsumerRegistration.DefaultName(consumer));

    [Fact]
    public async Task Consumers_that_contradict_each_other_are_errors()
    {
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<OnOrders>().AddConsumer<OnOrders>()), "Two consumers are named 'on-orders'", "Name one of them");
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<OnOrders>().AddConsumer<OnOrders>("b", o => o.StartFrom = StartFrom.Latest)), "differ in StartFrom", "another Group");
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<NoConsumer>()), nameof(NoConsumer), "implements no IEventConsumer");
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<OnOrders>("a:b")), "EventBus:Consumers:a:b", "without ':'");
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<OnOrders>(configure: o => o.UseContext<ShopContext>())), "on-orders", "UseOutbox<ShopContext>()");
    }

    [Fact]
    public async Task Events_without_names_are_errors()
    {
        AssertNames(await ErrorsAsync([], bus => bus.AddConsumer<Scripted<Nameless>>()), nameof(Nameless), "[Event(");
        AssertNames(await ErrorsAsync([], bus => bus.Publishes<Nameless>()), nameof(Nameless), "[Event(");
        AssertNames(await ErrorsAsync([], bus => bus.Map<Nameless>(m => m.Name = "named")), nameof(Nameless), "has no topic");
        AssertNames(await ErrorsAsync([], bus => bus.Map<Nameless>(m => (m.Name, m.Topic) = ("a", "t")).Map<Nameless>(m => (m.Name, m.Topic) = ("b", "t"))), nameof(Nameless), "called twice");
        AssertNames(
            await ErrorsAsync([], bus => bus.AddConsumer<OnOrders>().AddConsumer<Scripted<Nameless>>().Map<Nameless>(m => (m.Name, m.Topic) = ("order.placed", Topics.Orders))),
            "is read as OrderPlaced and Nameless",
            "another name");
        AssertNames(
            await ErrorsAsync([], bus => bus.AddConsumer<Scripted<AiTask>>("a").AddConsumer<Scripted<Nameless>>("b").Map<Nameless>(m => (m.Name, m.Topic, m.IsTopicDefault) = ("other", Topics.AiTasks, true))),
            "several default event types",
            "on one only");
    }

    [Fact]
    public async Task A_service_with_several_outboxes_must_choose_one_for_each_consumer()
    {
        var errors = await ErrorsAsync(
            [],
            bus => bus.UseOutbox<ShopContext>().UseOutbox<BillingContext>().AddConsumer<OnOrders>(),
            services => services.AddDbContext<ShopContext>(o => o.UseSqlite("Data Source=none")).AddDbContext<BillingContext>(o => o.UseSqlite("Data Source=none")));

        AssertNames(errors, "Consumer 'on-orders' could use the database of ShopContext or BillingContext", "UseContext");
    }

    [Fact]
    public async Task A_host_whose_roles_are_off_starts_without_a_broker_and_without_a_database()
    {
        await using var service = Build(
            new() { ["EventBus:Relay:Enabled"] = "false", ["EventBus:Consumers:Enabled"] = "false" },
            bus => bus.UseOutbox<ShopContext>().AddConsumer<OnOrders>(),
            services => services.AddDbContext<ShopContext>(o => o.UseSqlite("Data Source=/nowhere/at/all.db")));

        await Eventually.Ends(service.StartAsync(), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task AddCuckooEventBus_may_be_called_several_times()
    {
        await using var service = Build([], bus => bus.AddConsumer<OnOrders>(), services => services.AddCuckooEventBus(bus => bus.AddConsumer<HTTPSender>()));

        Assert.Equal(["on-orders", "http-sender"], service.Services.GetRequiredService<BusSettings>().Consumers.Select(c => c.Name));
        Assert.Single(service.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>(), s => s.GetType().Namespace!.StartsWith("Cuckoo", StringComparison.Ordinal));
    }

    [Fact]
    public void A_token_never_shows_in_text() =>
        Assert.DoesNotContain("secret", new OAuthBearerToken("secret", DateTimeOffset.UnixEpoch, "me").ToString(), StringComparison.Ordinal);

    private static TestService Build(
        Dictionary<string, string?> configuration, Action<EventBusBuilder>? configure = null, Action<IServiceCollection>? services = null, string? bootstrapServers = "127.0.0.1:1")
    {
        if (bootstrapServers is not null)
        {
            configuration.TryAdd("EventBus:BootstrapServers", bootstrapServers);
        }

        return TestService.Build("shop", configuration, collection =>
        {
            collection.AddSingleton<Script>();
            collection.AddCuckooEventBus(configure);
            services?.Invoke(collection);
        });
    }

    private static BusSettings Settings(Dictionary<string, string?> configuration, Action<EventBusBuilder>? configure = null, string? bootstrapServers = "127.0.0.1:1")
    {
        var settings = Build(configuration, configure, bootstrapServers: bootstrapServers).Services.GetRequiredService<BusSettings>();
        settings.ThrowIfInvalid();
        return settings;
    }

    private static async Task<IReadOnlyList<string>> ErrorsAsync(
        Dictionary<string, string?> configuration, Action<EventBusBuilder>? configure = null, Action<IServiceCollection>? services = null)
    {
        await using var service = Build(configuration, configure, services);
        return (await Assert.ThrowsAsync<EventBusConfigurationException>(service.StartAsync)).Errors;
    }

    /// <summary>One error says where, and in the same breath what to do.</summary>
    private static void AssertNames(IReadOnlyList<string> errors, string where, string remedy) =>
        Assert.Contains(errors, e => e.Contains(where, StringComparison.Ordinal) && e.Contains(remedy, StringComparison.Ordinal));

    private sealed class Both : IEventConsumer<OrderShipped>, IEventBatchConsumer<OrderPlaced>
    {
        public Task ConsumeAsync(OrderShipped @event, EventContext context, CancellationToken ct) => Task.CompletedTask;

        public Task ConsumeAsync(IReadOnlyList<ReceivedEvent<OrderPlaced>> batch, CancellationToken ct) => Task.CompletedTask;
    }

    private sealed class Neither;

    private sealed class OnOrders : IEventConsumer<OrderPlaced>
    {
        public Task ConsumeAsync(OrderPlaced @event, EventContext context, CancellationToken ct) => Task.CompletedTask;
    }

    private sealed class HTTPSender : IEventConsumer<OrderShipped>
    {
        public Task ConsumeAsync(OrderShipped @event, EventContext context, CancellationToken ct) => Task.CompletedTask;
    }

    private sealed class NoConsumer;

    private sealed class Nameless;
}
