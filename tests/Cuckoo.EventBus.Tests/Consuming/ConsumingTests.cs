using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>From the topic to the effect.</summary>
public abstract class ConsumingTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task Two_services_each_get_an_event()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var database = await warehouse.Bus.AddDatabaseAsync<ShopContext>(databases);
        var script = new Script();
        await warehouse.Bus.StartAsync<ShopContext>("mill", database, b => b.AddConsumer<Scripted<OrderPlaced>>("grind"), services => services.AddSingleton(script));
        var shopDatabase = await warehouse.Bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await warehouse.Bus.StartAsync<ShopContext>("shop", shopDatabase);
        var placed = new OrderPlaced("a", 1);

        await shop.InScopeAsync(async scope =>
        {
            await scope.GetRequiredService<IEventPublisher>().PublishAsync(placed);
            await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
        });

        await warehouse.EventuallyNumbersAsync(1);
        await Eventually.Equal(1, () => database.AskAsync<ShopContext, int>(db => db.Effects.CountAsync()));
        var seen = Assert.Single(script.Seen);
        Assert.Equal(placed.EventId, ((OrderPlaced)seen.Event).EventId);
        Assert.Equal(placed.OccurredAt, ((OrderPlaced)seen.Event).OccurredAt);
        Assert.Equal((placed.EventId.ToString(), "order.placed", shop.Name, "a"), (seen.Context.EventId, seen.Context.EventType, seen.Context.Source, seen.Context.Key));
        Assert.Equal(("grind", warehouse.Bus.Prefix + "mill", 1), (seen.Context.Consumer, seen.Context.Group, seen.Context.Attempt));
    }

    [Fact]
    public async Task A_context_says_where_an_event_comes_from()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);

        var (partition, offset) = await warehouse.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "x-tenant", "north" }, { "x-bytes", [0xFF] } });

        await warehouse.EventuallyNumbersAsync(1);
        var context = Assert.Single(warehouse.Script.Seen).Context;
        Assert.Equal((warehouse.Bus.Prefix + Topics.Orders, partition, offset), (context.Topic, context.Partition, context.Offset));
        Assert.Equal("north", context.Headers["x-tenant"]);
        Assert.Equal([0xFF], context.Headers.GetBytes("x-bytes")!);
        Assert.Equal("a"u8, context.KeyBytes!.Value.Span);
    }

    [Fact]
    public async Task A_duplicate_is_applied_once()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var placed = new OrderPlaced("a", 1);

        await warehouse.SendAsync(placed);
        await warehouse.SendAsync(placed);
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal([1, 2], warehouse.Script.Seen.Select(h => h.Number));
    }

    [Fact]
    public async Task One_id_from_two_sources_is_two_events()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var placed = new OrderPlaced("a", 1);

        await warehouse.SendAsync(placed, source: "shop");
        await warehouse.SendAsync(placed, source: "web");

        await warehouse.EventuallyNumbersAsync(1, 1);
    }

    [Fact]
    public async Task Two_copies_at_once_have_one_effect()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var events = Enumerable.Range(1, 60).Select(n => new OrderPlaced($"{n}", n)).ToList();

        await Task.WhenAll(events.SelectMany(e => new[] { warehouse.SendAsync(e, partition: 0, key: $"x{e.Number}"), warehouse.SendAsync(e, partition: 1, key: $"y{e.Number}") }));

        await warehouse.EventuallyNumbersAsync([.. events.Select(e => e.Number)]);
        // Behind the last copy of each partition, so that all copies have been looked at.
        await warehouse.SendAsync(new OrderPlaced("end", 61), partition: 0);
        await warehouse.SendAsync(new OrderPlaced("end", 62), partition: 1);
        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, 62)]);
    }

    [Fact]
    public async Task Effects_of_a_key_happen_in_the_order_of_its_records()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        string[] keys = ["a", "b", "c", "d", "e"];

        foreach (var number in Enumerable.Range(1, 20))
        {
            await Task.WhenAll(keys.Select(key => warehouse.SendAsync(new OrderPlaced(key, number))));
        }

        await Eventually.Equal(100, async () => (await warehouse.EffectsAsync()).Count);
        var effects = await warehouse.EffectsAsync();
        Assert.All(keys, key => Assert.Equal(Enumerable.Range(1, 20), effects.Where(e => e.Key == key).Select(e => e.Number)));
    }

    [Fact]
    public async Task A_failing_handler_leaves_neither_data_nor_events()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await h.Events.PublishAsync(new OrderShipped(h.Context.Key!, h.Number));
            await h.Db.SaveChangesAsync();
            if (h.Number == 1)
            {
                throw new InvalidOperationException("no paper");
            }
        });

        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(2);
        var letter = Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Equal((3, typeof(InvalidOperationException).FullName, "no paper"), (letter.Attempts, letter.ExceptionType, letter.ExceptionMessage));
        Assert.Equal(2, Assert.Single(await warehouse.Bus.ReadAsync(Topics.Shipping, 1)).Json.GetProperty("number").GetInt32());
    }

    [Fact]
    public async Task A_handler_that_succeeds_at_last_has_its_effect_and_its_event_once()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await h.Events.PublishAsync(new OrderShipped(h.Context.Key!, h.Number));
            if (h.Context.Attempt < 3 && h.Number == 1)
            {
                throw new InvalidOperationException("not yet");
            }
        });

        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal([(1, 1), (1, 2), (1, 3), (2, 1)], warehouse.Script.Seen.Select(h => (h.Number, h.Context.Attempt)));
        Assert.Equal(3, warehouse.Script.Seen.Where(h => h.Number == 1).Select(h => h.Scope).Distinct().Count());
        Assert.Equal([1, 2], (await warehouse.Bus.ReadAsync(Topics.Shipping, 2)).Select(r => r.Json.GetProperty("number").GetInt32()));
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task What_a_failed_attempt_changes_in_the_event_the_next_one_does_not_see()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.Map<Parcel>(m => (m.Name, m.Topic) = ("order.placed", Topics.Orders)).AddConsumer<Scripted<Parcel>>(Warehouse.Ship, Warehouse.Quick),
            script: script => script[Warehouse.Ship] = h =>
            {
                var parcel = (Parcel)h.Event;
                Assert.Equal(1, parcel.Number++);
                return h.Context.Attempt == 1 ? throw new InvalidOperationException() : Task.CompletedTask;
            });

        await warehouse.SendAsync(new OrderPlaced("a", 1));

        await Eventually.Equal(2, () => warehouse.Script.Seen.Count);
        await Eventually.Equal(1, () => InboxAsync(warehouse));
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task A_rejected_event_is_a_dead_letter_at_once_with_everything_one_needs_to_know()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Reject<ArgumentException>()),
            script: script => script[Warehouse.Ship] = _ => throw new ArgumentOutOfRangeException("address", "unknown"));
        var placed = new OrderPlaced("a", 1);
        var before = DateTime.UtcNow.AddSeconds(-1);

        var (partition, offset) = await warehouse.SendAsync(
            placed, headers: new EventHeaders { { "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }, { "x-bytes", [0xFF, 0x00] } });

        var row = Assert.Single(await warehouse.DeadLettersAsync(1));
        Assert.Equal((placed.EventId.ToString(), "shop", "order.placed"), (row.EventId, row.Source, row.Type));
        Assert.Equal((warehouse.Bus.Prefix + Topics.Orders, partition, offset), (row.Topic, row.KafkaPartition, row.KafkaOffset));
        Assert.Equal((warehouse.Service.Name, Warehouse.Ship, 1, 0), (row.ConsumerGroup, row.Consumer, row.Attempts, row.ReplayCount));
        Assert.Equal(typeof(ArgumentOutOfRangeException).FullName, row.ExceptionType);
        Assert.Contains("unknown", row.ExceptionMessage, StringComparison.Ordinal);
        Assert.Contains(nameof(ConsumingTests), row.ExceptionStack, StringComparison.Ordinal);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", row.TraceId);
        Assert.Equal("a"u8, row.Key!);
        Assert.Equal([0xFF, 0x00], HeaderBlock.Read(row.Headers).GetBytes("x-bytes")!);
        Assert.Equal(placed.EventId.ToString(), HeaderBlock.Read(row.Headers)[Headers.Id]);
        Assert.InRange(DateTime.SpecifyKind(row.FirstFailedAt, DateTimeKind.Utc), before, DateTime.UtcNow);

        var original = (await warehouse.Bus.ReadAsync(Topics.Orders)).Single();
        Assert.Equal(original.Value, row.Payload);
        var record = Assert.Single(await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Equal(original.Value, record.Value);
        Assert.Equal(original.Key, record.Key);
        Assert.NotEqual(placed.EventId.ToString(), record.Headers["ce_id"]);
        Assert.True(Guid.TryParse(record.Headers["ce_id"], out _));
        Assert.Equal("1.0", record.Headers["ce_specversion"]);
        Assert.Equal([0xFF, 0x00], record.Headers.GetBytes("x-bytes")!);
        Assert.Equal(placed.EventId.ToString(), record.Headers["dlq_original_id"]);
        Assert.Equal(original.Topic, record.Headers["dlq_original_topic"]);
        Assert.Equal($"{partition}", record.Headers["dlq_original_partition"]);
        Assert.Equal($"{offset}", record.Headers["dlq_original_offset"]);
        Assert.Equal(original.Timestamp, DateTimeOffset.Parse(record.Headers["dlq_original_timestamp"]!, CultureInfo.InvariantCulture));
        Assert.Equal(warehouse.Service.Name, record.Headers["dlq_group"]);
        Assert.Equal(Warehouse.Ship, record.Headers["dlq_consumer"]);
        Assert.Equal("1", record.Headers["dlq_attempts"]);
        Assert.Equal("0", record.Headers["dlq_replay_count"]);
        Assert.Equal(row.ExceptionType, record.Headers["dlq_exception_type"]);
        Assert.Equal(row.ExceptionMessage, record.Headers["dlq_exception_message"]);
        Assert.Contains(nameof(ConsumingTests), record.Headers["dlq_exception_stack"]!, StringComparison.Ordinal);
        Assert.Equal(row.TraceId, record.Headers["dlq_trace_id"]);
        Assert.InRange(DateTimeOffset.Parse(record.Headers["dlq_first_failure"]!, CultureInfo.InvariantCulture), before, DateTimeOffset.UtcNow);
        Assert.InRange(DateTimeOffset.Parse(record.Headers["dlq_last_failure"]!, CultureInfo.InvariantCulture), before, DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task A_dead_letter_too_large_for_its_topic_goes_there_without_its_value_but_with_its_hash()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            configuration: new() { ["EventBus:Topics:dead-letter-queue:MaxMessageBytes"] = "20000" },
            script: script => script[Warehouse.Ship] = _ => throw new InvalidOperationException());
        var value = Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":1,"note":"{{new string('x', 50_000)}}"}""");

        await warehouse.SendBytesAsync(value, "a"u8.ToArray());

        Assert.Equal(value, Assert.Single(await warehouse.DeadLettersAsync(1)).Payload);
        var record = Assert.Single(await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Null(record.Value);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(value)), record.Headers["dlq_omitted_payload_sha256"]);
    }

    public static TheoryData<string, string> Poison => new()
    {
        { "not JSON", "\u0001{" },
        { "empty", "" },
        { "no parameter of the constructor", """{"number":1}""" },
        { "null where none may be", """{"orderId":null,"number":1}""" },
        { "another type", """{"orderId":"a","number":"one"}""" },
        { "the literal null", "null" },
        { "a tombstone", "\u0000tombstone" },
    };

    [Theory]
    [MemberData(nameof(Poison))]
    public async Task A_poison_value_is_a_dead_letter_and_the_next_record_flows(string what, string value)
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var bytes = what == "a tombstone" ? null : Encoding.UTF8.GetBytes(value);

        await warehouse.SendBytesAsync(bytes, "a"u8.ToArray());
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(2);
        var letter = Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Equal(bytes, letter.Payload);
        Assert.Equal(1, letter.Attempts);
        Assert.Equal(bytes, Assert.Single(await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 1)).Value);
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_is_a_repeat_where_its_event_has_an_outcome()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var repeats = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "cuckoo.eventbus.consumer.duplicates")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (tags.ToArray().Contains(new("messaging.consumer.group.name", warehouse.Service.Name)))
            {
                Interlocked.Add(ref repeats, value);
            }
        });
        listener.Start();
        var headers = Warehouse.HeadersOf(Guid.NewGuid().ToString(), "shop", null);

        await warehouse.SendBytesAsync("{\"orderId\":\"a\",\"number\":1}"u8.ToArray(), "a"u8.ToArray(), headers);
        await warehouse.SendBytesAsync("{"u8.ToArray(), "a"u8.ToArray(), headers);
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Empty(await warehouse.DeadLettersAsync());
        Assert.Equal(1, Interlocked.Read(ref repeats));
    }

    [Fact]
    public async Task Keys_headers_and_values_of_any_bytes_never_stop_the_flow()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            return h.Number >= 100 ? throw new InvalidOperationException($"nul \0 and half \ud800 a pair {new string('x', 10_000)}") : Task.CompletedTask;
        });
        byte[] broken = [0xFF, 0x00, 0xC3];
        var headers = new (string Name, byte[]? Value)[][]
        {
            [("ce_id", [0x00, 0x41])],
            [("ce_id", broken)],
            [("ce_id", Encoding.UTF8.GetBytes(new string('i', 5000)))],
            [("ce_id", [])],
            [("ce_id", null)],
            [("ce_source", "s\0"u8.ToArray())],
            [("ce_source", broken)],
            [("ce_source", Encoding.UTF8.GetBytes(new string('s', 5000)))],
            [("traceparent", broken)],
            [("traceparent", "00-short"u8.ToArray()), ("baggage", broken), ("tracestate", broken)],
            [("x\0y", broken), ("x\0y", null)],
        };
        var number = 0;
        foreach (var set in headers)
        {
            // As it should be but for these, once for a handler that succeeds and once for one that fails.
            foreach (var n in new[] { ++number, 100 + number })
            {
                var all = new EventHeaders();
                foreach (var (name, value) in Warehouse.HeadersOf(Guid.NewGuid().ToString(), "shop", null).Where(h => !set.Any(s => s.Name == h.Key)))
                {
                    all.Add(name, value);
                }

                foreach (var (name, value) in set)
                {
                    all.Add(name, name == "ce_id" && value is { Length: > 0 } ? [.. value, (byte)('0' + (n / 100))] : value);
                }

                await warehouse.SendBytesAsync(Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":{{n}}}"""), [0x00, 0xFF, (byte)number], all, partition: 0);
            }
        }

        await warehouse.SendAsync(new OrderPlaced("end", 99), partition: 0);

        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, headers.Length), 99]);
        var letters = await warehouse.DeadLettersAsync(headers.Length);
        Assert.Equal(headers.Length, letters.Count);
        Assert.All(letters, l => Assert.InRange(l.ExceptionMessage.Length, 10, 2000));
        Assert.Equal(headers.Length, (await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, headers.Length)).Count);
    }

    [Fact]
    public async Task Consumers_of_one_event_in_one_service_are_independent()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>("bill", Warehouse.Quick).AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick),
            script: script => script["bill"] = h => throw new InvalidOperationException("no money"));

        await warehouse.SendAsync(new OrderPlaced("a", 1));

        var letter = Assert.Single(await warehouse.DeadLettersAsync(1));
        Assert.Equal("bill", letter.Consumer);
        await warehouse.EventuallyNumbersAsync(1);
        Assert.Equal(3, warehouse.Script.Seen.Count(h => h.Context.Consumer == "bill"));
        Assert.Equal(1, warehouse.Script.Seen.Count(h => h.Context.Consumer == Warehouse.Ship));
    }

    [Fact]
    public async Task Two_groups_of_one_service_each_get_an_event()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, b => b
            .AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship)
            .AddConsumer<Scripted<OrderPlaced>>("audit", o => o.Group = $"audit-{Guid.NewGuid():N}"));

        await warehouse.SendAsync(new OrderPlaced("a", 1));

        await warehouse.EventuallyNumbersAsync(1, 1);
    }

    [Fact]
    public async Task A_consumer_of_several_events_gets_each()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, b => b.AddConsumer<Desk>("desk"));

        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.Bus.ProduceAsync(
            Topics.Shipping, "a"u8.ToArray(), """{"orderId":"a","number":2}"""u8.ToArray(), new EventHeaders { { "ce_id", "x" }, { "ce_source", "mill" }, { "ce_type", "order.shipped" } });

        await warehouse.EventuallyNumbersAsync(1, 2);
    }

    [Fact]
    public async Task A_consumer_without_transaction_calls_out_first_and_is_marked_then()
    {
        var transactions = new List<bool>();
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
            {
                o.Transaction = ConsumerTransaction.None;
                Warehouse.Quick(o);
            }),
            script: script => script[Warehouse.Ship] = async h =>
            {
                transactions.Add(h.Db.Database.CurrentTransaction is not null);
                h.AddEffect();
                await h.Db.SaveChangesAsync();
                if (h.Number == 1 && h.Context.Attempt == 1)
                {
                    throw new InvalidOperationException("the answer was lost");
                }
            });
        var placed = new OrderPlaced("a", 1);

        await warehouse.SendAsync(placed);
        await warehouse.SendAsync(placed);
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        // At least once: what the failed attempt saved by itself stands.
        await warehouse.EventuallyNumbersAsync(1, 1, 2);
        await Eventually.Equal(2, () => InboxAsync(warehouse));
        Assert.DoesNotContain(true, transactions);
        Assert.Equal([(1, 1), (1, 2), (2, 1)], warehouse.Script.Seen.Select(h => (h.Number, h.Context.Attempt)));
    }

    [Fact]
    public async Task A_failing_consumer_without_transaction_leaves_a_dead_letter()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => (o.Transaction, o.Attempts) = (ConsumerTransaction.None, 1)),
            script: script => script[Warehouse.Ship] = _ => throw new InvalidOperationException());

        await warehouse.SendAsync(new OrderPlaced("a", 1));

        Assert.Equal(1, Assert.Single(await warehouse.DeadLettersAsync(1)).Attempts);
        Assert.Single(await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
    }

    [Fact]
    public async Task A_handler_that_takes_too_long_is_cancelled_and_has_failed()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
            {
                o.AttemptTimeout = TimeSpan.FromMilliseconds(200);
                o.Attempts = 2;
                Warehouse.Quick(o);
            }),
            script: script => script[Warehouse.Ship] = async h =>
            {
                h.AddEffect();
                if (h.Number == 1)
                {
                    await Task.Delay(Timeout.Infinite, h.Ct);
                }
            });

        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(2);
        Assert.Equal(2, Assert.Single(await warehouse.DeadLettersAsync(1)).Attempts);
    }

    [Fact]
    public async Task Records_of_a_type_that_nobody_knows_are_passed_over()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);

        await warehouse.SendBytesAsync("{}"u8.ToArray(), "a"u8.ToArray(), new EventHeaders { { "ce_id", "1" }, { "ce_source", "shop" }, { "ce_type", "order.framed" } }, partition: 0);
        await warehouse.SendAsync(new OrderPlaced("a", 2), partition: 0);

        await warehouse.EventuallyNumbersAsync(2);
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task Records_of_a_type_that_nobody_knows_are_dead_letters_where_the_topic_says_so()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, configuration: new() { [$"EventBus:Topics:{Topics.Orders}:UnknownTypes"] = "DeadLetter" });

        await warehouse.SendBytesAsync("{}"u8.ToArray(), "a"u8.ToArray(), new EventHeaders { { "ce_id", "1" }, { "ce_source", "shop" }, { "ce_type", "order.framed" } }, partition: 0);
        await warehouse.SendAsync(new OrderPlaced("a", 2), partition: 0);

        await warehouse.EventuallyNumbersAsync(2);
        var letter = Assert.Single(await warehouse.DeadLettersAsync(1));
        Assert.Equal(("order.framed", "1"), (letter.Type, letter.EventId));
    }

    [Fact]
    public async Task A_record_without_headers_is_read_by_the_default_type_of_its_topic()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, b => b.AddConsumer<Scripted<AiTask>>("think"));

        var (partition, offset) = await warehouse.Bus.ProduceAsync(
            Topics.AiTasks, "k"u8.ToArray(), """{"task_id":"t1","model":"m","input":"i","timestamp":17.5}"""u8.ToArray());

        await Eventually.Equal(1, async () => (await warehouse.EffectsAsync()).Count);
        var seen = Assert.Single(warehouse.Script.Seen);
        var record = Assert.Single(await warehouse.Bus.ReadAsync(Topics.AiTasks));
        Assert.Equal(new { TaskId = "t1", Model = "m", Input = "i" }, new { ((AiTask)seen.Event).TaskId, ((AiTask)seen.Event).Model, ((AiTask)seen.Event).Input });
        Assert.Equal(record.Timestamp, ((AiTask)seen.Event).OccurredAt);
        Assert.Equal(("ai.task", warehouse.Bus.Prefix + Topics.AiTasks), (seen.Context.EventType, seen.Context.Source));
        Assert.Equal(EventId.OfRecord(record.Topic, partition, offset, record.Timestamp, record.Key, record.Value), seen.Context.EventId);
        Assert.Equal(8, ((AiTask)seen.Event).EventId.Version);
    }

    [Fact]
    public async Task A_service_that_starts_again_goes_on_where_it_stopped()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.EventuallyNumbersAsync(1);

        await warehouse.Service.StopAsync();
        await warehouse.SendAsync(new OrderPlaced("a", 2));
        await warehouse.RestartAsync();

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal([2], warehouse.Script.Seen.Select(h => h.Number));
    }

    [Fact]
    public async Task A_group_that_starts_at_the_latest_record_sees_only_what_comes_from_then_on()
    {
        var broker = await kafka.Broker;
        await using var bus = await TestBus.CreateAsync(broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var script = new Script();
        var value = """{"orderId":"a","number":1}"""u8.ToArray();
        await bus.ProduceAsync(Topics.Orders, null, value, Warehouse.HeadersOf("old", "shop", null), partition: 0);

        await bus.StartAsync<ShopContext>("late", database, b => b.AddConsumer<Scripted<OrderPlaced>>("late", o => o.StartFrom = StartFrom.Latest), s => s.AddSingleton(script));

        // Until the group stands at the end, whatever is sent is before its start.
        await Eventually.True(async () =>
        {
            await bus.ProduceAsync(Topics.Orders, null, value, Warehouse.HeadersOf(Guid.NewGuid().ToString(), "shop", null), partition: 0);
            return !script.Seen.IsEmpty;
        });
        Assert.DoesNotContain(script.Seen, h => h.Context.EventId == "old");
    }

    [Fact]
    public async Task A_shutdown_lets_a_running_handler_finish()
    {
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = async h =>
        {
            running.TrySetResult();
            await finish.Task;
            h.AddEffect();
        });
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Ends(running.Task);

        var stop = warehouse.Service.StopAsync();
        finish.SetResult();
        await Eventually.Ends(stop);

        Assert.Equal([1], await warehouse.NumbersAsync());
        await warehouse.SendAsync(new OrderPlaced("a", 2));
        await warehouse.RestartAsync();
        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal([2], warehouse.Script.Seen.Select(h => h.Number));
    }

    [Fact]
    public async Task A_shutdown_that_cancels_a_running_handler_loses_nothing()
    {
        var running = new TaskCompletionSource();
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            configuration: new() { ["EventBus:StopTimeout"] = "00:00:00.200" },
            script: script => script[Warehouse.Ship] = async h =>
            {
                h.AddEffect();
                await h.Db.SaveChangesAsync();
                running.TrySetResult();
                await Task.Delay(Timeout.Infinite, h.Ct);
            });
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.SendAsync(new OrderPlaced("a", 2));
        await Eventually.Ends(running.Task);

        await Eventually.Ends(warehouse.Service.StopAsync());
        Assert.Empty(await warehouse.NumbersAsync());
        await warehouse.RestartAsync();

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal([(1, 1), (2, 1)], warehouse.Script.Seen.Select(h => (h.Number, h.Context.Attempt)));
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task Two_instances_share_the_records_and_a_stopped_ones_go_to_the_other()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var first = warehouse.Service;
        await warehouse.StartAsync();
        await Task.WhenAll(Enumerable.Range(1, 30).Select(n => warehouse.SendAsync(new OrderPlaced($"{n}", n))));
        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, 30)]);

        await first.StopAsync();
        await Task.WhenAll(Enumerable.Range(31, 30).Select(n => warehouse.SendAsync(new OrderPlaced($"{n}", n))));

        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, 60)]);
    }

    [Fact]
    public async Task Hooks_run_around_each_attempt_in_their_order_and_may_skip_an_event()
    {
        var steps = new List<string>();
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b
                .OnConsume(async (context, next) =>
                {
                    steps.Add($"outer {context.Attempt}");
                    await next();
                })
                .OnConsume((context, next) =>
                {
                    steps.Add("inner");
                    return context.Headers.Contains("x-skip") ? Task.CompletedTask : next();
                })
                .AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick),
            script: script => script[Warehouse.Ship] = h =>
            {
                steps.Add($"handler {h.Number}");
                h.AddEffect();
                return h.Context.Attempt == 1 && h.Number == 2 ? throw new InvalidOperationException() : Task.CompletedTask;
            });

        await warehouse.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "x-skip", "1" } });
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(2);
        Assert.Equal(["outer 1", "inner", "outer 1", "inner", "handler 2", "outer 2", "inner", "handler 2"], steps);
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task What_a_hook_sets_as_ambient_state_the_handler_sees()
    {
        var tenant = new AsyncLocal<string?>();
        var seen = new List<string?>();
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b
                .OnConsume((context, next) =>
                {
                    tenant.Value = context.Headers["x-tenant"];
                    return next();
                })
                .OnPublish(headers => headers.Add("x-tenant", tenant.Value ?? ""))
                .AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship),
            script: script => script[Warehouse.Ship] = async h =>
            {
                seen.Add(tenant.Value);
                await h.Events.PublishAsync(new OrderShipped("a", h.Number));
            });

        await warehouse.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "x-tenant", "north" } });

        Assert.Equal("north", Assert.Single(await warehouse.Bus.ReadAsync(Topics.Shipping, 1)).Headers["x-tenant"]);
        Assert.Equal(["north"], seen);
    }

    [Fact]
    public async Task A_serializer_of_its_own_reads_and_writes_a_topic()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, b => b
            .UseSerializer(Topics.Orders, new Plain())
            .AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship));

        await warehouse.Service.InScopeAsync(async scope =>
        {
            await scope.GetRequiredService<IEventPublisher>().PublishAsync(new OrderPlaced("a", 7));
            await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
        });

        await warehouse.EventuallyNumbersAsync(7);
        Assert.Equal("a|7", Assert.Single(await warehouse.Bus.ReadAsync(Topics.Orders)).Text);
    }

    [Fact]
    public async Task A_contract_of_others_is_published_and_consumed_by_its_map()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, b => b
            .Map<Parcel>(m =>
            {
                m.Name = "parcel";
                m.Topic = Topics.Shipping;
                m.Naming = EventNaming.SnakeCase;
                m.Key = p => p.OrderId;
                m.Id = p => $"parcel-{p.Number}";
            })
            .AddConsumer<Scripted<Parcel>>(Warehouse.Ship));

        await warehouse.Service.InScopeAsync(async scope =>
        {
            await scope.GetRequiredService<IEventPublisher>().PublishAsync(new Parcel { OrderId = "a", Number = 7 });
            await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
        });

        await Eventually.Equal(1, async () => (await warehouse.EffectsAsync()).Count);
        var record = Assert.Single(await warehouse.Bus.ReadAsync(Topics.Shipping));
        Assert.Equal(("a", "parcel", "parcel-7"), (record.KeyText, record.Headers["ce_type"], record.Headers["ce_id"]));
        Assert.Equal("a", record.Json.GetProperty("order_id").GetString());
        Assert.Equal("parcel-7", Assert.Single(warehouse.Script.Seen).Context.EventId);
    }

    [Fact]
    public async Task Under_a_retrying_strategy_a_handlers_own_timeout_is_an_attempt_and_no_trouble_of_the_database()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders, Topics.Shipping);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var script = new Script();
        script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            await h.Events.PublishAsync(new OrderShipped("a", h.Context.Attempt));
            if (h.Context.Attempt == 1)
            {
                throw new TimeoutException("someone else's");
            }
        };
        var service = bus.Build("warehouse", services =>
        {
            services.AddDbContextPool<ShopContext>(options => database.Configure(options, retrying: true));
            services.AddSingleton(script);
            services.AddCuckooEventBus(b => b.UseOutbox<ShopContext>().AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick));
        });
        await service.StartAsync();

        await bus.ProduceAsync(Topics.Orders, null, """{"orderId":"a","number":1}"""u8.ToArray(), Warehouse.HeadersOf("1", "shop", null));

        Assert.Equal(2, Assert.Single(await bus.ReadAsync(Topics.Shipping, 1)).Json.GetProperty("number").GetInt32());
        Assert.Equal([1, 2], script.Seen.Select(h => h.Context.Attempt));
        Assert.Equal(1, await database.AskAsync<ShopContext, int>(db => db.Effects.CountAsync()));
    }

    private static Task<int> InboxAsync(Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, int>(db => db.Set<EventBus.Inbox.InboxMessage>().CountAsync());

    private sealed class Parcel
    {
        public string OrderId { get; set; } = "";

        public int Number { get; set; }
    }

    private sealed class Desk(Script script, IServiceProvider scope) : IEventConsumer<OrderPlaced>, IEventConsumer<OrderShipped>
    {
        public Task ConsumeAsync(OrderPlaced @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));

        public Task ConsumeAsync(OrderShipped @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));
    }

    private sealed class Plain : IEventBytesSerializer
    {
        public byte[] Serialize(object @event, string topic) => Encoding.UTF8.GetBytes($"{((OrderPlaced)@event).OrderId}|{((OrderPlaced)@event).Number}");

        public object Deserialize(ReadOnlySpan<byte> value, Type type, string topic)
        {
            var fields = Encoding.UTF8.GetString(value).Split('|');
            return new OrderPlaced(fields[0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
    }
}

public sealed class Consuming_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : ConsumingTests(kafka, databases);

public sealed class Consuming_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : ConsumingTests(kafka, databases);
