using System.Diagnostics;
using Cuckoo.EventBus.Tests.Consuming;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>What the log tells of records: which one a line is about, and of each outcome once.</summary>
public sealed class LogTests(KafkaFixture kafka, SqliteFixture databases)
{
    private static readonly string[] OfRecord = ["MessageId", "EventType", "Topic", "Partition", "Offset", "Consumer", "Group", "TraceId"];

    [Fact]
    public async Task Lines_of_a_handler_and_of_the_bus_say_which_record_they_are_about()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = h =>
        {
            h.Scope.GetRequiredService<ILogger<LogTests>>().LogInformation("shipping");
            throw new InvalidOperationException("no paper");
        });
        var (placed, trace) = (new OrderPlaced("a", 1), ActivityTraceId.CreateRandom());

        await warehouse.SendAsync(placed, partition: 1, headers: new EventHeaders { { "traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01" } });

        await warehouse.DeadLettersAsync(1);
        await Eventually.True(() => warehouse.Service.Log.Entries.Any(e => e.Id.Name == "Dead"));
        var lines = warehouse.Service.Log.Entries.Where(e => e.Message == "shipping" || e.Id.Name is "AttemptFailed" or "Dead").ToList();
        Assert.Equal(3 + 2 + 1, lines.Count);
        object?[] expected = [placed.EventId.ToString(), "order.placed", warehouse.Bus.Prefix + Topics.Orders, 1, 0L, Warehouse.Ship, warehouse.Service.Name, trace.ToString()];
        Assert.All(lines, line => Assert.Equal(OfRecord.Zip(expected), line.Scope.Select(pair => (pair.Key, pair.Value))));
    }

    [Fact]
    public async Task A_record_of_no_trace_has_no_trace_in_its_lines()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = h =>
        {
            h.Scope.GetRequiredService<ILogger<LogTests>>().LogInformation("shipping");
            h.AddEffect();
            return Task.CompletedTask;
        });

        await warehouse.SendAsync(new OrderPlaced("a", 1));

        await warehouse.EventuallyNumbersAsync(1);
        Assert.Equal(OfRecord[..^1], Assert.Single(warehouse.Service.Log.Entries, e => e.Message == "shipping").Scope.Select(pair => pair.Key));
    }

    [Fact]
    public async Task Lines_of_a_batch_say_which_records_it_has_and_those_of_one_alone_which_it_is()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, BatchScene.Options(3)),
            script: script => script[Warehouse.Ship] = h =>
            {
                h.Scope.GetRequiredService<ILogger<LogTests>>().LogInformation("shipping {Number}", h.Number);
                return h.Number == 3 ? throw new InvalidOperationException("no paper") : Task.CompletedTask;
            });

        await warehouse.SendAsync(1, 2, 3);

        await warehouse.DeadLettersAsync(1);
        await Eventually.True(() => warehouse.Service.Log.Entries.Any(e => e.Id.Name == "Dead"));
        var batch = warehouse.Service.Log.Entries.First(e => e.Message == "shipping 1").Scope;
        (string, object?)[] expected =
        [
            ("Events", 3), ("Topic", warehouse.Bus.Prefix + Topics.Orders), ("Partition", 0), ("FirstOffset", 0L), ("LastOffset", 2L), ("Consumer", Warehouse.Ship), ("Group", warehouse.Service.Name),
        ];
        Assert.Equal(expected, batch.Select(pair => (pair.Key, pair.Value)));
        // The innermost is the record's.
        Assert.Equal(2L, warehouse.Service.Log.Entries.Last(e => e.Message == "shipping 3").Scope.Last(pair => pair.Key == "Offset").Value);
    }

    [Fact]
    public async Task A_failing_event_is_told_once_as_parked_and_once_as_a_dead_letter_and_its_attempts_are_information()
    {
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            configuration: new()
            {
                ["EventBus:ConsumerDefaults:Attempts"] = "3",
                ["EventBus:ConsumerDefaults:ParkedAttempts"] = "3",
                ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = "00:00:00.05",
                ["EventBus:ConsumerDefaults:MaxParkedRetryDelay"] = "00:00:00.05",
            },
            script: script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper"));

        await warehouse.SendAsync(new OrderPlaced("a", 1));

        await warehouse.DeadLettersAsync(1);
        await Eventually.True(() => warehouse.Service.Log.Entries.Any(e => e.Id.Name == "Dead"));
        Assert.Equal(
            "AttemptFailed Information, AttemptFailed Information, Parked Warning, StaysParked Information, StaysParked Information, Dead Error",
            string.Join(", ", warehouse.Service.Log.Entries.Where(e => e.Exception?.Message == "no paper").Select(e => $"{e.Id.Name} {e.Level}")));
    }

    [Fact]
    public async Task Many_records_that_fail_alike_do_not_flood_the_log()
    {
        const int Records = 300;
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Attempts = 1),
            script: script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper"));

        await Task.WhenAll(Enumerable.Range(1, Records).Select(n => warehouse.SendAsync(new OrderPlaced($"{n}", n))));

        await warehouse.DeadLettersAsync(Records);
        // One interval after the other on a slow machine; and what each leaves to count.
        var log = warehouse.Service.Log;
        Assert.InRange(log.Entries.Count(e => e.Id.Name == "Dead"), 10, 30);
        await warehouse.Service.DisposeAsync();
        Assert.Contains(log.Entries, e => e.Level == LogLevel.Error && e.Message.Contains("more like this", StringComparison.Ordinal));
    }
}
