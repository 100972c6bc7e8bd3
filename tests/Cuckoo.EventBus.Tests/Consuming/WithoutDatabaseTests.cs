using System.Text;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>A service that has no database: sent directly, consumed at least once.</summary>
public sealed class WithoutDatabaseTests(KafkaFixture kafka)
{
    [Fact]
    public async Task When_a_publish_returns_the_event_is_in_its_topic()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var service = await StartAsync(bus, new Script());
        var placed = new OrderPlaced("a", 1);

        await service.InScopeAsync(scope => scope.GetRequiredService<IEventPublisher>().PublishAsync(placed));

        var record = Assert.Single(await bus.ReadAsync(Topics.Orders));
        Assert.Equal((placed.EventId.ToString(), "a", service.Name), (record.Headers["ce_id"], record.KeyText, record.Headers["ce_source"]));
    }

    [Fact]
    public async Task A_batch_is_sent_in_its_order()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var service = await StartAsync(bus, new Script());

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishBatchAsync(
            Enumerable.Range(1, 500).Select(n => new OrderPlaced("a", n)), new PublishOptions { Headers = new EventHeaders { { "x-batch", "1" } } });

        var records = await bus.ReadAsync(Topics.Orders);
        Assert.Equal(Enumerable.Range(1, 500), records.Select(r => r.Json.GetProperty("number").GetInt32()));
        Assert.All(records, r => Assert.Equal("1", r.Headers["x-batch"]));
    }

    [Fact]
    public async Task A_topic_of_small_records_takes_many_at_once()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Topics with a limit of their own");
        await using var bus = await TestBus.CreateAsync(kafka);
        await broker.CreateTopicAsync(bus.Prefix + Topics.Orders, partitions: 1, new() { ["max.message.bytes"] = "3000" });
        var service = await StartPublisherAsync(bus, new() { ["EventBus:Topics:order-events:MaxMessageBytes"] = "3000" });

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishBatchAsync(
            Enumerable.Range(1, 100).Select(n => new OrderPlaced("a", n) { Note = new string('x', 500) }));

        Assert.Equal(Enumerable.Range(1, 100), (await bus.ReadAsync(Topics.Orders)).Select(r => r.Json.GetProperty("number").GetInt32()));
        Assert.DoesNotContain(service.Log.Entries, entry => entry.Id.Name == "RecordRefused");
    }

    [Fact]
    public async Task A_refused_event_fails_its_own_publisher_and_no_other()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("A broker that refuses a record for its size");
        await using var bus = await TestBus.CreateAsync(kafka);
        await broker.CreateTopicAsync(bus.Prefix + Topics.Orders, partitions: 1, new() { ["max.message.bytes"] = "3000" });
        // The service believes in a larger limit, so that only the broker refuses.
        var service = await StartPublisherAsync(bus, []);
        var publisher = service.Services.GetRequiredService<IDirectEventPublisher>();

        var sends = Enumerable.Range(1, 40).Select(n => publisher.PublishAsync(new OrderPlaced("a", n) { Note = new string('x', n == 20 ? 5000 : 1) })).ToList();

        await Assert.ThrowsAsync<EventBusException>(() => sends[19]);
        sends.RemoveAt(19);
        await Eventually.Ends(Task.WhenAll(sends));
        Assert.Equal(39, (await bus.ReadAsync(Topics.Orders)).Select(r => r.Json.GetProperty("number").GetInt32()).Distinct().Count());
    }

    [Fact]
    public async Task A_delayed_event_is_refused_because_nobody_would_keep_it()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var service = await StartAsync(bus, new Script());

        var refused = await Assert.ThrowsAsync<EventBusException>(() => service.Services.GetRequiredService<IDirectEventPublisher>()
            .PublishAsync(new OrderPlaced("a", 1), new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddDays(1) }));

        Assert.Contains("UseOutbox", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_is_handled_after_its_failures_and_its_repeats_again()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var script = new Script();
        script[Warehouse.Ship] = h => h.Context.Attempt < 3 && h.Number == 1 ? throw new InvalidOperationException() : Task.CompletedTask;
        var service = await StartAsync(bus, script);
        var placed = new OrderPlaced("a", 1);

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(placed);
        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(placed);

        await Eventually.Equal("1 2 3 1 2 3", () => string.Join(' ', script.Seen.Select(h => h.Context.Attempt)));
        Assert.Single(service.Log.Entries, e => e.Level == LogLevel.Warning && e.Message.Contains("at least once", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_record_given_up_is_on_the_topic_of_dead_letters_before_the_next_one_runs()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var script = new Script();
        script[Warehouse.Ship] = async h =>
        {
            if (h.Number == 1)
            {
                throw new InvalidOperationException("no paper");
            }

            Assert.Single(await bus.ReadAsync(TestBus.DeadLetterTopic));
        };
        var service = await StartAsync(bus, script);

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishBatchAsync([new OrderPlaced("a", 1), new OrderPlaced("a", 2)]);

        await Eventually.Equal("1 1 1 2", () => string.Join(' ', script.Seen.Select(h => h.Number)));
        var letter = Assert.Single(await bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Equal(("no paper", "3", Warehouse.Ship, service.Name), (letter.Headers["dlq_exception_message"], letter.Headers["dlq_attempts"], letter.Headers["dlq_consumer"], letter.Headers["dlq_group"]));
        Assert.Equal(1, letter.Json.GetProperty("number").GetInt32());
    }

    [Fact]
    public async Task Batches_are_divided_at_a_failing_record_which_is_a_dead_letter()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var script = new Script();
        script[Warehouse.Ship] = h => h.Number == 3 ? throw new InvalidOperationException("no paper") : Task.CompletedTask;
        var service = bus.Build("mail", services =>
        {
            services.AddSingleton(script);
            services.AddCuckooEventBus(b => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, BatchScene.Options(4)));
        });
        await service.StartAsync();

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishBatchAsync(Enumerable.Range(1, 8).Select(n => new OrderPlaced("a", n)));

        await Eventually.Equal("1 2 3 4 | 1 2 | 3 4 | 3 | 3 | 3 | 4 | 5 6 7 8", script.Calls);
        Assert.Equal(3, Assert.Single(await bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Json.GetProperty("number").GetInt32());
    }

    [Fact]
    public async Task A_poison_value_is_a_dead_letter_and_the_next_record_flows()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var script = new Script();
        script[Warehouse.Ship] = _ => Task.CompletedTask;
        var service = await StartAsync(bus, script);

        await bus.ProduceAsync(Topics.Orders, "a"u8.ToArray(), [0xFF], Warehouse.HeadersOf("poison", "mill", null));
        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(new OrderPlaced("a", 2));

        await Eventually.Equal("2", () => string.Join(' ', script.Seen.Select(h => h.Number)));
        Assert.Equal([0xFF], Assert.Single(await bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Value!);
    }

    [Fact]
    public async Task A_shutdown_in_the_middle_of_a_handler_loses_nothing()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var running = new TaskCompletionSource();
        var script = new Script();
        script[Warehouse.Ship] = async h =>
        {
            running.TrySetResult();
            await Task.Delay(Timeout.Infinite, h.Ct);
        };
        var first = await StartAsync(bus, script);
        await bus.ProduceAsync(Topics.Orders, "a"u8.ToArray(), """{"orderId":"a","number":1}"""u8.ToArray(), Warehouse.HeadersOf("1", "mill", null));
        await Eventually.Ends(running.Task);
        await first.StopAsync();

        var again = new Script();
        again[Warehouse.Ship] = _ => Task.CompletedTask;
        await StartAsync(bus, again);

        await Eventually.Equal("1", () => string.Join(' ', again.Seen.Select(h => h.Number)));
        Assert.Empty(await bus.ReadAsync(TestBus.DeadLetterTopic));
    }

    /// <summary>Every way in which a group of Kafka shares its partitions out.</summary>
    [Theory]
    [InlineData("group.protocol", "classic", "partition.assignment.strategy", "range")]
    [InlineData("group.protocol", "classic", "partition.assignment.strategy", "cooperative-sticky")]
    [InlineData("group.protocol", "consumer", "fetch.wait.max.ms", "100")]
    public async Task Instances_of_a_group_share_its_records_whatever_the_protocol(string name, string value, string otherName, string otherValue)
    {
        var broker = await kafka.Broker;
        broker.RequireReal("All protocols of a group");
        await using var bus = await TestBus.CreateAsync(broker, Topics.Orders);
        var scripts = new[] { new Script(), new Script() };
        var configuration = new Dictionary<string, string?> { [$"EventBus:Kafka:Consumer:{name}"] = value, [$"EventBus:Kafka:Consumer:{otherName}"] = otherValue };
        foreach (var script in scripts)
        {
            script[Warehouse.Ship] = _ => Task.CompletedTask;
            await StartAsync(bus, script, configuration);
        }

        // Until both have partitions, only one of them sees anything.
        var sent = 0;
        await Eventually.True(async () =>
        {
            await Task.WhenAll(Enumerable.Range(0, 3).Select(partition => bus.ProduceAsync(
                Topics.Orders, null, Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":{{Interlocked.Increment(ref sent)}}}"""), Warehouse.HeadersOf(Guid.NewGuid().ToString(), "mill", null), partition)));
            return scripts.All(script => !script.Seen.IsEmpty);
        });

        await Eventually.Equal(sent, () => scripts.SelectMany(s => s.Seen).Select(h => h.Number).Distinct().Count());
    }

    private static async Task<TestService> StartAsync(TestBus bus, Script script, Dictionary<string, string?>? more = null)
    {
        var configuration = new Dictionary<string, string?>(more ?? []) { ["EventBus:StopTimeout"] = "00:00:00.200" };
        if (configuration.GetValueOrDefault("EventBus:Kafka:Consumer:group.protocol") == "consumer")
        {
            // The broker decides these two.
            configuration["EventBus:Kafka:Consumer:heartbeat.interval.ms"] = null;
            configuration["EventBus:Kafka:Consumer:session.timeout.ms"] = null;
        }

        var service = bus.Build(
            "mail",
            services =>
            {
                services.AddSingleton(script);
                services.AddCuckooEventBus(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));
            },
            configuration);
        await service.StartAsync();
        return service;
    }

    private static async Task<TestService> StartPublisherAsync(TestBus bus, Dictionary<string, string?> configuration)
    {
        var service = bus.Build("publisher", services => services.AddCuckooEventBus(), configuration);
        await service.StartAsync();
        return service;
    }
}
