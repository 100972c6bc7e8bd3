using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cuckoo.EventBus.Tests.DeadLetters;

/// <summary>What a person can see of dead letters, and decide.</summary>
public abstract class DeadLetterAdministrationTests(KafkaFixture kafka, DatabaseFixture databases)
{
    private const string Bill = "bill";

    /// <summary>Hundreds of transactions one after the other, as SQLite has them, each with its wait for a disk that others use too.</summary>
    private static readonly TimeSpan ManyOnADisk = TimeSpan.FromMinutes(3);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static DeadLetterFilter OfShip => new() { Consumer = Warehouse.Ship };

    [Fact]
    public async Task Dead_letters_are_listed_by_whatever_the_filter_says()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => h.Number == 3 ? throw new ArgumentException("never") : throw new InvalidOperationException("no paper"));
        var before = DateTimeOffset.UtcNow.AddMinutes(-1);
        var placed = new OrderPlaced("a", 1);
        await warehouse.SendAsync(placed);
        await warehouse.DeadLettersAsync(1);
        await warehouse.SendAsync(new OrderPlaced("b", 2));
        await warehouse.DeadLettersAsync(2);
        await warehouse.SendAsync(new OrderPlaced("c", 3));
        await warehouse.DeadLettersAsync(3);
        var all = await ListAsync(new DeadLetterFilter());

        Assert.Equal(["a", "b", "c"], all.Select(l => l.Key));
        Assert.Equal("a", await KeysAsync(new() { Ids = [all[0].Id] }));
        Assert.Equal("b", await KeysAsync(new() { Key = "b" }));
        Assert.Equal("c", await KeysAsync(new() { ExceptionType = "System.ArgumentException" }));
        Assert.Equal("a", await KeysAsync(new() { EventId = placed.EventId.ToString() }));
        Assert.Equal("a b c", await KeysAsync(new()
        {
            Group = warehouse.Service.Name,
            Consumer = Warehouse.Ship,
            Topic = warehouse.Bus.Prefix + Topics.Orders,
            EventType = "order.placed",
            CreatedFrom = before,
        }));
        Assert.Equal("", await KeysAsync(new() { CreatedBefore = before }));
        Assert.Equal("", await KeysAsync(new() { Group = "another" }));
        Assert.Equal("", await KeysAsync(new() { Consumer = "another" }));
        Assert.Equal("", await KeysAsync(new() { Topic = "another" }));
        Assert.Equal("", await KeysAsync(new() { EventType = "another" }));

        async Task<List<DeadLetterEntry>> ListAsync(DeadLetterFilter filter) => await Of(warehouse.Service.Services).ListAsync(filter, Ct).ToListAsync(Ct);

        async Task<string> KeysAsync(DeadLetterFilter filter) => string.Join(' ', (await ListAsync(filter)).Select(l => l.Key));
    }

    [Fact]
    public async Task One_dead_letter_is_shown_with_bytes_headers_and_stack()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper"));
        var value = Encoding.UTF8.GetBytes("""{ "orderId": "x", "number": 7 }""");
        var (partition, offset) = await warehouse.SendBytesAsync(value, [1, 255], Warehouse.HeadersOf("e1", "shop", new EventHeaders { { "x-tenant", "acme" } }));
        var id = (await warehouse.DeadLettersAsync(1))[0].Id;

        var letter = (await Of(warehouse.Service.Services).FindAsync(id, Ct))!;

        Assert.Equal((warehouse.Service.Name, Warehouse.Ship, "shop", "e1", "order.placed"), (letter.Group, letter.Consumer, letter.Source, letter.EventId, letter.EventType));
        Assert.Equal((warehouse.Bus.Prefix + Topics.Orders, partition, offset), (letter.Topic, letter.Partition, letter.Offset));
        Assert.Equal((3, 0, "System.InvalidOperationException", "no paper"), (letter.Attempts, letter.ReplayCount, letter.ExceptionType, letter.ExceptionMessage));
        Assert.Contains("DeadLetterAdministrationTests", letter.ExceptionStack, StringComparison.Ordinal);
        Assert.Equal("acme", letter.Headers!["x-tenant"]);
        Assert.Equal([1, 255], letter.KeyBytes!.Value.ToArray());
        Assert.Equal(value, letter.Payload!.Value.ToArray());
        Assert.Equal(value.Length, letter.PayloadBytes);
        Assert.Null(await Of(warehouse.Service.Services).FindAsync(id + 1, Ct));
    }

    [Fact]
    public async Task A_replay_from_another_process_runs_the_record_as_it_came_and_only_at_the_consumer_that_failed()
    {
        var isMended = false;
        static void Both(EventBusBuilder b) => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick).AddConsumer<Scripted<OrderPlaced>>(Bill, Warehouse.Quick);
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = h => Volatile.Read(ref isMended) ? Apply(h) : throw new InvalidOperationException("no paper"),
            consumers: Both);
        await warehouse.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "x-tenant", "acme" } });
        await warehouse.SendAsync(new OrderPlaced("a", 2));
        var letters = await warehouse.DeadLettersAsync(2);
        await Eventually.Equal("2 Done", () => warehouse.OutcomesAsync(Bill));
        var desk = await warehouse.OpenDeskAsync(Both);
        Volatile.Write(ref isMended, true);

        Assert.Equal(new DecidedRecords(1, 0), await Of(desk).ReplayAsync(new() { Ids = [letters[0].Id] }, ct: Ct));
        await Eventually.Equal("1", async () => Text(await warehouse.NumbersAsync(Warehouse.Ship)));
        Assert.Equal(new DecidedRecords(1, 0), await Of(desk).ReplayAsync(OfShip, ct: Ct));

        await Eventually.Equal("1 2", async () => Text(await warehouse.NumbersAsync(Warehouse.Ship)));
        await Eventually.Equal("2 Done", () => warehouse.OutcomesAsync());
        Assert.Equal("1 2", Text(await warehouse.NumbersAsync(Bill)));
        Assert.Equal(2, warehouse.Script.Seen.Count(h => h.Context.Consumer == Bill));
        Assert.Empty(await warehouse.ParkedAsync());
        Assert.Empty(await warehouse.DeadLettersAsync());
        var replayed = warehouse.Script.Seen.Last(h => h.Number == 1);
        Assert.Equal((1, 1, "acme", letters[0].KafkaOffset), (replayed.Context.ReplayCount, replayed.Context.Attempt, replayed.Context.Headers["x-tenant"], replayed.Context.Offset));
        Assert.Equal(2, (await warehouse.Bus.ReadAsync(Topics.Orders)).Count);
    }

    [Fact]
    public async Task A_letter_that_dies_again_counts_its_replays_and_is_not_replayed_twice_by_one_call()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper"));
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        var first = (await warehouse.DeadLettersAsync(1))[0];

        Assert.Equal(new DecidedRecords(1, 0), await Of(warehouse.Service.Services).ReplayAsync(OfShip, ct: Ct));
        await Eventually.True(async () => await warehouse.DeadLettersAsync() is [{ ReplayCount: 1, Attempts: 3 }]);
        Assert.Equal(new DecidedRecords(1, 0), await Of(warehouse.Service.Services).ReplayAsync(OfShip, ct: Ct));
        await Eventually.True(async () => await warehouse.DeadLettersAsync() is [{ ReplayCount: 2 }]);

        var last = (await warehouse.DeadLettersAsync())[0];
        Assert.Equal((first.EventId, first.KafkaOffset), (last.EventId, last.KafkaOffset));
        Assert.Equal(first.Payload, last.Payload);
        Assert.Equal(first.Headers, last.Headers);
        var sent = await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 3);
        Assert.Equal(["0", "1", "2"], sent.Select(r => r.Headers["dlq_replay_count"]));
        Assert.Equal([0, 1, 2], warehouse.Script.Seen.Select(h => h.Context.ReplayCount).Distinct());
        Assert.Equal("1 Dead", await warehouse.OutcomesAsync());
    }

    [Fact]
    public async Task A_replayed_record_stands_behind_what_is_parked_of_its_key()
    {
        var isMended = false;
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = h => Volatile.Read(ref isMended) ? Apply(h)
                : h.Number == 1 ? throw new ArgumentException("never") : throw new InvalidOperationException("no paper"),
            parkedAttempts: 5,
            consumers: b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => Quick(o.Reject<ArgumentException>())));
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await warehouse.SendAsync(new OrderPlaced("a", 2));
        await warehouse.SendAsync(new OrderPlaced("a", 3));
        await Eventually.Equal("2 Parked, 1 Dead", () => warehouse.OutcomesAsync());
        var seen = warehouse.Script.Seen.Count;
        Volatile.Write(ref isMended, true);

        Assert.Equal(new DecidedRecords(1, 0), await Of(warehouse.Service.Services).ReplayAsync(OfShip, ct: Ct));
        // The lane finds it due, and that it is not the first one.
        await Eventually.True(async () => await warehouse.ParkedAsync() is [{ DueAt: not null }, { DueAt: null }, { DueAt: null, ReplayCount: 1 }]);
        Assert.Equal(seen, warehouse.Script.Seen.Count);
        Assert.Equal(1, await warehouse.Service.Services.GetRequiredService<IParkedAdministration>().RetryAsync(new() { Key = "a" }, ct: Ct));

        await Eventually.Equal("2 3 1", async () => Text(await warehouse.NumbersAsync()));
        await Eventually.Equal("3 Done", () => warehouse.OutcomesAsync());
    }

    [Fact]
    public async Task A_mark_that_retention_has_deleted_is_written_again()
    {
        await using var warehouse = await OpenAsync();
        await warehouse.AddLettersAsync([1]);
        await warehouse.MarkAllAsync(null);

        Assert.Equal(new DecidedRecords(1, 0), await Of(warehouse.Service.Services).ReplayAsync(OfShip, ct: Ct));

        await warehouse.EventuallyNumbersAsync(1);
        await Eventually.Equal("1 Done", () => warehouse.OutcomesAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task An_event_that_is_done_or_parked_by_now_is_skipped_and_its_letter_stays(short outcome)
    {
        await using var warehouse = await OpenAsync();
        await warehouse.AddLettersAsync([1, 2]);
        await warehouse.MarkAllAsync((InboxOutcome)outcome);

        Assert.Equal(new DecidedRecords(0, 2), await Of(warehouse.Service.Services).ReplayAsync(OfShip, ct: Ct));

        Assert.Equal(2, (await warehouse.DeadLettersAsync()).Count);
        Assert.Empty(await warehouse.ParkedAsync());
        Assert.Equal(2, warehouse.Service.Log.Entries.Count(e => e.Message.Contains($"the event is {(InboxOutcome)outcome}", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_letter_of_a_consumer_that_is_not_there_is_skipped()
    {
        await using var warehouse = await OpenAsync();
        await warehouse.AddLettersAsync([1], consumer: "old-name");

        Assert.Equal(new DecidedRecords(0, 1), await Of(warehouse.Service.Services).ReplayAsync(new() { Consumer = "old-name" }, ct: Ct));

        Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Equal("1 Dead", await warehouse.OutcomesAsync("old-name"));
    }

    [Fact]
    public async Task Two_replays_at_once_run_each_record_once()
    {
        await using var warehouse = await OpenAsync();
        await warehouse.AddLettersAsync(Enumerable.Range(1, 250));
        var (one, another) = (Of(warehouse.Service.Services), Of(await warehouse.OpenDeskAsync()));

        var both = await Task.WhenAll(Task.Run(() => one.ReplayAsync(OfShip, ct: Ct), Ct), Task.Run(() => another.ReplayAsync(OfShip, ct: Ct), Ct));

        Assert.Equal(250, both.Sum(d => d.Decided));
        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, 250)]);
        await Eventually.Equal("250 Done", () => warehouse.OutcomesAsync());
        Assert.Empty(await warehouse.ParkedAsync());
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task A_replay_and_a_discard_at_once_decide_about_each_letter_once()
    {
        await using var warehouse = await OpenAsync();
        await warehouse.AddLettersAsync(Enumerable.Range(1, 600));
        var (one, another) = (Of(warehouse.Service.Services), Of(await warehouse.OpenDeskAsync()));

        var replay = Task.Run(() => one.ReplayAsync(OfShip, ct: Ct), Ct);
        var discarded = await Task.Run(() => another.DiscardAsync(OfShip, ct: Ct), Ct);
        var replayed = (await replay).Decided;

        Assert.Equal(600, replayed + discarded + (await warehouse.DeadLettersAsync()).Count);
        await Eventually.Equal(replayed, async () => (long)(await warehouse.NumbersAsync()).Count, ManyOnADisk);
        await Eventually.True(async () => (await warehouse.ParkedAsync()).Count == 0);
        Assert.DoesNotContain("Parked", await warehouse.OutcomesAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_replay_and_the_retention_at_once_lose_no_letter_that_is_replayed()
    {
        await using var warehouse = await OpenAsync();
        await warehouse.AddLettersAsync(Enumerable.Range(1, 400));
        var desk = await warehouse.OpenDeskAsync();
        var everything = new EventBusOptions { DeadLetterRetention = TimeSpan.FromTicks(1), InboxRetention = TimeSpan.FromTicks(1) };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var retention = new Retention(FailedRecords.DatabaseOf(desk), everything, TimeProvider.System, NullLogger<Retention>.Instance).RunAsync(stop.Token);
        var replayed = (await Of(warehouse.Service.Services).ReplayAsync(OfShip, ct: Ct)).Decided;
        await Eventually.True(async () => (await warehouse.DeadLettersAsync()).Count == 0);
        await stop.CancelAsync();
        await retention;

        await Eventually.Equal(replayed, async () => (long)(await warehouse.NumbersAsync()).Distinct().Count(), ManyOnADisk);
        await Eventually.True(async () => (await warehouse.ParkedAsync()).Count == 0);
        Assert.Equal(replayed, (await warehouse.NumbersAsync()).Count);
    }

    [Fact]
    public async Task A_rate_limit_spreads_a_replay_over_time_and_its_progress_is_told()
    {
        await using var warehouse = await OpenAsync();
        await warehouse.AddLettersAsync(Enumerable.Range(1, 25));
        var (time, progress, services) = (new SteppedTime(), new Progress<DecidedRecords>(), warehouse.Service.Services);
        var admin = new DeadLetterAdministration(
            FailedRecords.DatabaseOf(services), services.GetRequiredService<EventBusDatabases>(), services.GetRequiredService<BusSettings>(), time, NullLogger<DeadLetterAdministration>.Instance);

        await admin.ReplayAsync(OfShip, new DeadLetterReplay { MaxPerSecond = 10 }, progress, Ct);

        Assert.Equal([1.0, 1.0], time.Waits.Select(w => w.TotalSeconds));
        Assert.Equal([10, 20, 25], progress.Reports.Select(p => p.Decided));
        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, 25)]);
    }

    [Theory]
    [InlineData(0.5, "2 2")]
    [InlineData(2.5, "0.8 0.8")]
    public async Task A_slow_replay_waits_for_each_part(double perSecond, string waits)
    {
        var time = new SteppedTime();
        var pace = new ReplayPace(perSecond, time);
        for (var part = 0; part < 3; part++)
        {
            await pace.NextAsync(part * pace.PartSize(100), Ct);
        }

        Assert.Equal(waits, string.Join(' ', time.Waits.Select(w => w.TotalSeconds.ToString(CultureInfo.InvariantCulture))));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeadLetterReplay { MaxPerSecond = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeadLetterReplay { MaxPerSecond = double.NaN });
    }

    [Fact]
    public async Task A_discarded_letter_is_gone_and_its_event_stays_dead()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper"));
        var placed = new OrderPlaced("a", 1);
        await warehouse.SendAsync(placed);
        await warehouse.DeadLettersAsync(1);
        var progress = new Progress<long>();

        Assert.Equal(1, await Of(warehouse.Service.Services).DiscardAsync(OfShip, progress, Ct));
        await warehouse.SendAsync(placed);
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await Eventually.Equal("2 Dead", () => warehouse.OutcomesAsync());
        Assert.Equal([1L], progress.Reports);
        Assert.Equal(3, warehouse.Script.Seen.Count(h => h.Number == 1));
        Assert.Single(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task A_filter_that_would_mean_everything_is_refused()
    {
        await using var warehouse = await OpenAsync();
        var admin = Of(warehouse.Service.Services);

        await Assert.ThrowsAsync<ArgumentException>(() => admin.ReplayAsync(new(), ct: Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => admin.DiscardAsync(new(), ct: Ct));
        Assert.Equal(0, await admin.DiscardAsync(new() { Ids = [] }, ct: Ct));
        Assert.Equal(0, await warehouse.Service.Services.GetRequiredService<IDeadLetterAdministration<ShopContext>>().DiscardAsync(OfShip, ct: Ct));
    }

    [Fact]
    public async Task A_replay_belongs_to_the_trace_of_the_publish_and_links_to_it()
    {
        var trace = ActivityTraceId.CreateRandom();
        using var listener = new TraceSpans(trace);
        var fails = true;
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => Volatile.Read(ref fails) ? throw new InvalidOperationException("no paper") : Apply(h));
        var published = $"00-{trace}-{ActivitySpanId.CreateRandom()}-01";
        await warehouse.SendAsync(new OrderPlaced("a", 1), headers: new EventHeaders { { "traceparent", published } });
        var letter = (await warehouse.DeadLettersAsync(1))[0];
        Volatile.Write(ref fails, false);

        await Of(warehouse.Service.Services).ReplayAsync(OfShip, ct: Ct);
        await warehouse.EventuallyNumbersAsync(1);
        var spans = await listener.OfAsync("process", 2);

        Assert.Equal(trace.ToHexString(), letter.TraceId);
        Assert.Equal([null, 1], spans.Select(span => span.GetTagItem("cuckoo.eventbus.replay_count")));
        Assert.Empty(spans[0].Links);
        var link = Assert.Single(spans[1].Links);
        Assert.Equal(published, $"00-{link.Context.TraceId}-{link.Context.SpanId}-01");
        Assert.Equal(1, Assert.Single(link.Tags!).Value);
        Assert.Equal(link.Context.SpanId, spans[1].ParentSpanId);
    }

    private static IDeadLetterAdministration Of(IServiceProvider services) => services.GetRequiredService<IDeadLetterAdministration>();

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private static string Text(IEnumerable<int> numbers) => string.Join(' ', numbers);

    private static void Quick(ConsumerOptions options) => options.RetryDelay = TimeSpan.FromMilliseconds(5);

    private Task<Warehouse> OpenAsync(Action<Script>? script = null, int parkedAttempts = 0, Action<EventBusBuilder>? consumers = null) => Warehouse.OpenAsync(
        kafka,
        databases,
        consumers,
        new Dictionary<string, string?>
        {
            ["EventBus:ConsumerDefaults:ParkedAttempts"] = $"{parkedAttempts}",
            ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = "01:00:00",
            ["EventBus:ConsumerDefaults:MaxParkedRetryDelay"] = "01:00:00",
        },
        script);
}

public sealed class Dead_letter_administration_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : DeadLetterAdministrationTests(kafka, databases);

public sealed class Dead_letter_administration_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : DeadLetterAdministrationTests(kafka, databases);
