using System.Text.Json;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Tests.DeadLetters;

/// <summary>What a person can see of parked records, and decide, while their lanes are at work.</summary>
public abstract class ParkedAdministrationTests(KafkaFixture kafka, DatabaseFixture databases)
{
    private const string NewName = "dispatch";

    private static readonly ParkedFilter OfA = new() { Key = "a" };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Parked_records_are_listed_with_the_first_of_each_key_and_what_waits_for_it()
    {
        await using var warehouse = await OpenAsync(Fail);
        await ParkAsync(warehouse, "a", 1, 2, 3);
        await ParkAsync(warehouse, "b", 4);
        await warehouse.SendBytesAsync("""{"orderId":"x","number":5}"""u8.ToArray(), key: null);
        await Eventually.Equal("5 Parked", () => warehouse.OutcomesAsync());
        var admin = Of(warehouse.Service.Services);
        var all = await admin.ListAsync(new ParkedFilter(), Ct).ToListAsync(Ct);

        Assert.Equal(["a", "a", "a", "b", null], all.Select(p => p.Key));
        Assert.Equal([true, false, false, true, true], all.Select(p => p.IsFirst));
        Assert.Equal([2, null, null, 0, 0], all.Select(p => p.Behind));
        Assert.Equal([3, 0, 0, 3, 3], all.Select(p => p.Attempts));
        Assert.Equal([false, true, true, false, false], all.Select(p => p.DueAt is null));
        Assert.Equal("no paper", all[0].LastError);
        Assert.InRange(all[0].DueAt!.Value, DateTimeOffset.UtcNow.AddMinutes(30), DateTimeOffset.UtcNow.AddMinutes(90));
        Assert.Equal((warehouse.Service.Name, Warehouse.Ship, "order.placed", warehouse.Bus.Prefix + Topics.Orders), (all[0].Group, all[0].Consumer, all[0].EventType, all[0].Topic));

        Assert.Equal([all[0].Id, all[3].Id, all[4].Id], await IdsAsync(new() { IsFirst = true }));
        Assert.Equal([all[1].Id, all[2].Id], await IdsAsync(new() { IsFirst = false }));
        Assert.Equal([all[3].Id], await IdsAsync(new() { Key = "b", Consumer = Warehouse.Ship, Group = warehouse.Service.Name, Partition = all[3].Partition, Topic = all[0].Topic, EventType = "order.placed" }));
        Assert.Equal([all[1].Id], await IdsAsync(new() { EventId = all[1].EventId }));
        Assert.Empty(await IdsAsync(new() { Consumer = "another" }));
        Assert.Empty(await IdsAsync(new() { ParkedBefore = DateTimeOffset.UtcNow.AddHours(-1) }));
        Assert.Equal(5, (await IdsAsync(new() { ParkedFrom = DateTimeOffset.UtcNow.AddHours(-1) })).Count);
        var one = (await admin.FindAsync(all[0].Id, Ct))!;
        Assert.Equal(all[0].EventId, one.Headers!["ce_id"]);
        Assert.Equal("a"u8.ToArray(), one.KeyBytes!.Value.ToArray());
        Assert.Equal(one.PayloadBytes, one.Payload!.Value.Length);
        Assert.Null(await admin.FindAsync(all[4].Id + 1, Ct));

        async Task<List<long>> IdsAsync(ParkedFilter filter) => await admin.ListAsync(filter, Ct).Select(p => p.Id).ToListAsync(Ct);
    }

    [Fact]
    public async Task A_parked_key_is_tried_at_once_when_a_person_says_so()
    {
        var isMended = false;
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => Volatile.Read(ref isMended) ? Apply(h) : throw new InvalidOperationException("no paper"));
        await ParkAsync(warehouse, "a", 1, 2);
        Volatile.Write(ref isMended, true);
        var desk = await warehouse.OpenDeskAsync();

        Assert.Equal(1, await Of(desk).RetryAsync(OfA, ct: Ct));

        await warehouse.EventuallyNumbersAsync(1, 2);
        await Eventually.Equal("2 Done", () => warehouse.OutcomesAsync());
        Assert.Equal(4, warehouse.Script.Seen.Last(h => h.Number == 1).Context.Attempt);
    }

    [Fact]
    public async Task A_rejected_record_is_a_dead_letter_and_the_next_one_of_its_key_goes_on()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => h.Number == 1 ? throw new InvalidOperationException("no paper") : Apply(h));
        await ParkAsync(warehouse, "a", 1, 2, 3);
        var progress = new Progress<DecidedRecords>();

        Assert.Equal(new DecidedRecords(1, 0), await Of(warehouse.Service.Services).RejectAsync(new() { IsFirst = true, Consumer = Warehouse.Ship }, "paper is out of stock", progress, Ct));

        await Eventually.Equal("2 3", async () => string.Join(' ', await warehouse.NumbersAsync()));
        await Eventually.Equal("2 Done, 1 Dead", () => warehouse.OutcomesAsync());
        var letter = Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Equal((3, "Rejected by request: paper is out of stock. The last failure said: no paper"), (letter.Attempts, letter.ExceptionMessage));
        var sent = Assert.Single(await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        Assert.Equal((letter.EventId, Warehouse.Ship), (sent.Headers["dlq_original_id"], sent.Headers["dlq_consumer"]));
        Assert.Equal([new DecidedRecords(1, 0)], progress.Reports);
        Assert.Empty(await warehouse.ParkedAsync());
    }

    [Fact]
    public async Task A_whole_key_is_rejected_and_later_records_of_it_flow()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => h.Number == 1 ? throw new InvalidOperationException("no paper") : Apply(h));
        await ParkAsync(warehouse, "a", 1, 2, 3);

        Assert.Equal(new DecidedRecords(3, 0), await Of(warehouse.Service.Services).RejectAsync(OfA, ct: Ct));
        await warehouse.SendAsync(new OrderPlaced("a", 4));

        await warehouse.EventuallyNumbersAsync(4);
        await Eventually.Equal("1 Done, 3 Dead", () => warehouse.OutcomesAsync());
        Assert.Equal(3, (await warehouse.DeadLettersAsync()).Count);
        Assert.Empty(await warehouse.ParkedAsync());
    }

    [Fact]
    public async Task A_record_whose_handler_runs_is_not_rejected()
    {
        var (isTried, mayEnd) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = async h =>
            {
                if (h.Context.Attempt <= 3)
                {
                    throw new InvalidOperationException("no paper");
                }

                h.AddEffect();
                isTried.TrySetResult();
                await mayEnd.Task;
            },
            delay: "00:00:00.1");
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Ends(isTried.Task);

        var rejecting = Of(warehouse.Service.Services).RejectAsync(OfA, ct: Ct);
        if (warehouse.Database.IsPostgreSql)
        {
            Assert.Equal(new DecidedRecords(0, 1), await rejecting);
        }

        mayEnd.SetResult();
        Assert.Equal(new DecidedRecords(0, 1), await rejecting);
        await warehouse.EventuallyNumbersAsync(1);
        await Eventually.Equal("1 Done", () => warehouse.OutcomesAsync());
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task A_record_that_is_rejected_before_its_handler_begins_has_no_effect()
    {
        var (isTaken, mayBegin) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = h => h.Context.Attempt <= 3 && h.Number == 1 ? throw new InvalidOperationException("no paper") : Apply(h),
            delay: "00:00:00.1",
            consumers: b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick).OnConsume(async (context, next) =>
            {
                if (context.Attempt > 3)
                {
                    // The lane has read the row by now.
                    isTaken.TrySetResult();
                    await mayBegin.Task;
                }

                await next();
            }));
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Ends(isTaken.Task);
        var desk = await warehouse.OpenDeskAsync();

        Assert.Equal(new DecidedRecords(1, 0), await Of(desk).RejectAsync(OfA, ct: Ct));
        mayBegin.SetResult();
        await warehouse.SendAsync(new OrderPlaced("a", 2));

        await warehouse.EventuallyNumbersAsync(2);
        await Eventually.Equal("1 Done, 1 Dead", () => warehouse.OutcomesAsync());
        Assert.Single(await warehouse.DeadLettersAsync());
        Assert.Empty(await warehouse.ParkedAsync());
    }

    [Fact]
    public async Task Rejecting_keys_while_they_run_and_new_records_come_leaves_nothing_behind()
    {
        const int Records = 120;
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = h => h.Number % 3 == 0 && h.Context.Attempt <= 4 ? throw new InvalidOperationException("no paper") : Apply(h),
            delay: "00:00:00.1");
        var desk = await warehouse.OpenDeskAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var rejecting = Task.Run(
            async () =>
            {
                var rejected = 0L;
                while (!stop.IsCancellationRequested)
                {
                    rejected += (await Of(desk).RejectAsync(new() { Consumer = Warehouse.Ship }, ct: Ct)).Decided;
                }

                return rejected;
            },
            Ct);
        for (var number = 1; number <= Records; number++)
        {
            await warehouse.SendAsync(new OrderPlaced(number % 2 == 0 ? "a" : "b", number));
        }

        await Eventually.Equal(Records, async () => (await warehouse.NumbersAsync()).Count + (await warehouse.DeadLettersAsync()).Count, TimeSpan.FromSeconds(60));
        await stop.CancelAsync();

        var letters = await warehouse.DeadLettersAsync();
        Assert.Equal(letters.Count, await rejecting);
        Assert.Empty(await warehouse.ParkedAsync());
        var dead = letters.Select(l => JsonDocument.Parse(l.Payload!).RootElement.GetProperty("number").GetInt32());
        Assert.Equal(Enumerable.Range(1, Records), (await warehouse.NumbersAsync()).Concat(dead).Order());
    }

    [Fact]
    public async Task Records_parked_under_a_name_that_is_gone_are_seen_by_the_health_check_and_handed_over_to_the_new_one()
    {
        var placed = Enumerable.Range(1, 4).Select(number => new OrderPlaced(number < 4 ? "a" : "b", number)).ToList();
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => h.Context.Key == "a" ? throw new InvalidOperationException("no paper") : Apply(h));
        foreach (var order in placed)
        {
            await warehouse.SendAsync(order);
        }

        await Eventually.Equal("1 Done, 3 Parked", () => warehouse.OutcomesAsync());
        await warehouse.AddLettersAsync([9]);
        var old = warehouse.Service;
        await old.StopAsync();
        var script = new Script();
        var renamed = await StartRenamedAsync(warehouse, script);
        var health = renamed.Services.GetRequiredService<HealthCheckService>();
        var report = (await health.CheckHealthAsync(Ct)).Entries["cuckoo-eventbus-parked"];
        Assert.Equal(HealthStatus.Degraded, report.Status);
        Assert.Contains("3 parked records of consumer 'ship'", report.Description, StringComparison.Ordinal);

        Assert.Equal(new DecidedRecords(3, 0), await Of(renamed.Services).MoveAsync(Warehouse.Ship, NewName, ct: Ct));
        Assert.Equal(1, await Of(renamed.Services).RetryAsync(new() { Consumer = NewName }, ct: Ct));

        await Eventually.Equal("4 1 2 3", async () => string.Join(' ', await warehouse.NumbersAsync()));
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(Ct)).Entries["cuckoo-eventbus-parked"].Status);
        foreach (var order in placed)
        {
            await warehouse.SendAsync(order);
        }

        await warehouse.SendAsync(new OrderPlaced("a", 5));
        Assert.Equal(new DecidedRecords(1, 0), await renamed.Services.GetRequiredService<IDeadLetterAdministration>().ReplayAsync(new() { Consumer = NewName }, ct: Ct));
        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5, 9);
        await Eventually.Equal("6 Done", () => warehouse.OutcomesAsync(NewName));
        Assert.Empty(await warehouse.ParkedAsync());
    }

    [Fact]
    public async Task What_the_new_name_has_decided_already_is_not_run_again()
    {
        await using var warehouse = await OpenAsync(Fail);
        var (done, parked) = (new OrderPlaced("a", 1), new OrderPlaced("a", 2));
        await warehouse.SendAsync(done);
        await warehouse.SendAsync(parked);
        await Eventually.Equal("2 Parked", () => warehouse.OutcomesAsync());
        await warehouse.Service.StopAsync();
        var renamed = await StartRenamedAsync(warehouse, new Script());
        await warehouse.SendAsync(done);
        await warehouse.EventuallyNumbersAsync(1);

        Assert.Equal(new DecidedRecords(2, 0), await Of(renamed.Services).MoveAsync(Warehouse.Ship, NewName, ct: Ct));
        await Of(renamed.Services).RetryAsync(OfA, ct: Ct);

        await warehouse.EventuallyNumbersAsync(1, 2);
        await Eventually.True(async () => (await warehouse.ParkedAsync()).Count == 0);
        Assert.Equal("2 Done", await warehouse.OutcomesAsync(NewName));
    }

    [Fact]
    public async Task A_lane_under_the_old_name_and_the_new_one_apply_a_record_once()
    {
        var (isTaken, mayBegin) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var warehouse = await OpenAsync(
            script => script[Warehouse.Ship] = h => h.Context.Attempt <= 3 ? throw new InvalidOperationException("no paper") : Apply(h),
            delay: "00:00:00.1",
            consumers: b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick).OnConsume(async (context, next) =>
            {
                if (context.Attempt > 3)
                {
                    isTaken.TrySetResult();
                    await mayBegin.Task;
                }

                await next();
            }));
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Ends(isTaken.Task);
        var desk = await warehouse.OpenDeskAsync(b => b.AddConsumer<Scripted<OrderPlaced>>(NewName, Warehouse.Quick));

        Assert.Equal(new DecidedRecords(1, 0), await Of(desk).MoveAsync(Warehouse.Ship, NewName, ct: Ct));
        mayBegin.SetResult();
        await warehouse.SendAsync(new OrderPlaced("b", 2));
        await Eventually.Equal("2 Done", () => warehouse.OutcomesAsync());
        await warehouse.Service.StopAsync();
        await StartRenamedAsync(warehouse, new Script());

        await warehouse.EventuallyNumbersAsync(1, 2);
        Assert.Equal(NewName, (await warehouse.EffectsAsync()).Single(e => e.Number == 1).Consumer);
        await Eventually.True(async () => (await warehouse.ParkedAsync()).Count == 0);
    }

    [Fact]
    public async Task Records_of_a_consumer_that_is_gone_can_be_rejected()
    {
        await using var warehouse = await OpenAsync(Fail);
        await ParkAsync(warehouse, "a", 1, 2);
        await warehouse.Service.StopAsync();
        var renamed = await StartRenamedAsync(warehouse, new Script());

        Assert.Equal(new DecidedRecords(2, 0), await Of(renamed.Services).RejectAsync(new() { Consumer = Warehouse.Ship }, ct: Ct));

        Assert.Equal("2 Dead", await warehouse.OutcomesAsync());
        Assert.Equal(2, (await warehouse.DeadLettersAsync()).Count);
        Assert.Equal([Warehouse.Ship, Warehouse.Ship], (await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 2)).Select(r => r.Headers["dlq_consumer"]));
    }

    [Fact]
    public async Task Decisions_that_make_no_sense_are_refused()
    {
        await using var warehouse = await OpenAsync();
        var admin = Of(warehouse.Service.Services);

        await Assert.ThrowsAsync<ArgumentException>(() => admin.RetryAsync(new(), ct: Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => admin.RejectAsync(new(), ct: Ct));
        Assert.Contains("has no consumer 'another'", (await Assert.ThrowsAsync<ArgumentException>(() => admin.MoveAsync("old", "another", ct: Ct))).Message, StringComparison.Ordinal);
        Assert.Contains("is one of this service", (await Assert.ThrowsAsync<ArgumentException>(() => admin.MoveAsync(Warehouse.Ship, Warehouse.Ship, ct: Ct))).Message, StringComparison.Ordinal);
        Assert.Equal(new DecidedRecords(0, 0), await warehouse.Service.Services.GetRequiredService<IParkedAdministration<ShopContext>>().RejectAsync(new() { Ids = [] }, ct: Ct));
    }

    private static IParkedAdministration Of(IServiceProvider services) => services.GetRequiredService<IParkedAdministration>();

    private static void Fail(Script script) => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper");

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private static async Task ParkAsync(Warehouse warehouse, string key, params int[] numbers)
    {
        var before = (await warehouse.ParkedAsync()).Count;
        foreach (var number in numbers)
        {
            await warehouse.SendAsync(new OrderPlaced(key, number));
        }

        await Eventually.Equal(before + numbers.Length, async () => (await warehouse.ParkedAsync()).Count);
    }

    private static Task<TestService> StartRenamedAsync(Warehouse warehouse, Script script) => warehouse.Bus.StartAsync<ShopContext>(
        "warehouse",
        warehouse.Database,
        b => b.AddConsumer<Scripted<OrderPlaced>>(NewName, Warehouse.Quick),
        services =>
        {
            services.AddSingleton(script);
            services.AddHealthChecks().AddCuckooEventBus();
        });

    private protected Task<Warehouse> OpenAsync(Action<Script>? script = null, string delay = "01:00:00", Action<EventBusBuilder>? consumers = null) => Warehouse.OpenAsync(
        kafka,
        databases,
        consumers,
        new Dictionary<string, string?>
        {
            ["EventBus:ConsumerDefaults:ParkedAttempts"] = "1000",
            ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = delay,
            ["EventBus:ConsumerDefaults:MaxParkedRetryDelay"] = delay,
        },
        script);
}

public sealed class Parked_administration_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : ParkedAdministrationTests(kafka, databases)
{
    /// <summary>A person takes the last parked row of a key away, in a transaction that is still open, while another record of the key comes.</summary>
    [Fact]
    public async Task A_record_that_is_parked_behind_one_that_is_about_to_go_is_due_itself()
    {
        await using var warehouse = await OpenAsync(script => script[Warehouse.Ship] = h => h.Number == 1 ? throw new InvalidOperationException("no paper") : Apply(h));
        await warehouse.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Equal("1 Parked", () => warehouse.OutcomesAsync());

        await using (var db = warehouse.Database.CreateContext<ShopContext>())
        {
            await using var transaction = await db.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await db.Set<InboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.Outcome, InboxOutcome.Dead), TestContext.Current.CancellationToken);
            await db.Set<RetryMessage>().ExecuteDeleteAsync(TestContext.Current.CancellationToken);
            await warehouse.SendAsync(new OrderPlaced("a", 2));
            await Eventually.True(async () => await warehouse.Database.AskAsync<ShopContext, bool>(other => other.Database
                .SqlQuery<bool>($"SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO %retry_messages%' AND datname = current_database()) AS \"Value\"")
                .SingleAsync()));
            await transaction.CommitAsync(TestContext.Current.CancellationToken);
        }

        await warehouse.EventuallyNumbersAsync(2);
        await Eventually.True(async () => (await warehouse.ParkedAsync()).Count == 0);

        static Task Apply(Handling handling)
        {
            handling.AddEffect();
            return Task.CompletedTask;
        }
    }
}

public sealed class Parked_administration_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : ParkedAdministrationTests(kafka, databases);
