using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Topics = Cuckoo.EventBus.TestKit.Sample.Topics;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>A partition goes from an owner that crashed, or was frozen, to the service, which gets its records from Kafka.</summary>
public sealed class HandOverTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Theory]
    [InlineData(0, InboxOutcome.Dead)]
    [InlineData(5, InboxOutcome.Parked)]
    public async Task A_record_whose_owner_crashed_between_its_outcome_and_the_commit_of_its_offset_keeps_its_outcome(int parkedAttempts, object outcome)
    {
        await using var warehouse = await OpenStoppedAsync(Configuration(parkedAttempts, "01:00:00"));
        await warehouse.SendAsync(new OrderPlaced("a", 1), partition: 0);
        var owner = await HandAsync(warehouse, Fail);
        await owner.ReceiveAsync(await RecordAsync(warehouse, 0));

        await warehouse.RestartAsync();
        await warehouse.SendAsync(new OrderPlaced("b", 2), partition: 0);
        await warehouse.SendAsync(new OrderPlaced("a", 3), partition: 0);

        await warehouse.EventuallyNumbersAsync(parkedAttempts == 0 ? [2, 3] : [2]);
        await Eventually.Equal(3, async () => (await MarksAsync(warehouse)).Count);
        Assert.DoesNotContain(warehouse.Script.Seen, h => h.Number == 1);
        if (outcome is InboxOutcome.Dead)
        {
            Assert.Single(await warehouse.DeadLettersAsync());
            Assert.Empty(await ParkedAsync(warehouse));
            Assert.Single(await warehouse.Bus.ReadAsync(TestBus.DeadLetterTopic, 1));
        }
        else
        {
            // And its key waits behind it.
            Assert.Equal([1, 3], (await ParkedAsync(warehouse)).Select(NumberOf));
            Assert.Empty(await warehouse.DeadLettersAsync());
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_record_that_a_frozen_owner_is_handling_waits_for_it_with_its_key_and_others_flow(bool wakesUp)
    {
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var warehouse = await OpenStoppedAsync(Configuration(5, "00:00:00.1"));
        await warehouse.SendAsync(new OrderPlaced("a", 1), partition: 0);
        var frozen = await HandAsync(warehouse, async h =>
        {
            h.AddEffect();
            running.TrySetResult();
            await finish.Task;
        });
        var late = frozen.ReceiveAsync(await RecordAsync(warehouse, 0));
        await Eventually.Ends(running.Task);

        await warehouse.RestartAsync();
        await warehouse.SendAsync(new OrderPlaced("a", 2), partition: 0);
        await warehouse.SendAsync(new OrderPlaced("b", 3), partition: 0);
        await Eventually.True(() => warehouse.Service.Log.Entries.Any(e => e.Id.Name == "Waiting"));
        await warehouse.EventuallyNumbersAsync(3);

        if (wakesUp)
        {
            finish.SetResult();
        }
        else
        {
            // The server ends sessions that do nothing in a transaction for too long.
            await warehouse.Database.AskAsync<ShopContext, int>(db =>
                db.Database.ExecuteSqlRawAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND state_change < clock_timestamp() - interval '1 s' AND datname = current_database()"));
        }

        await warehouse.EventuallyNumbersAsync(1, 2, 3);
        finish.TrySetResult();
        await Eventually.Ends(late);
        Assert.Equal([1, 2], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        Assert.Equal(wakesUp ? 0 : 1, warehouse.Script.Seen.Count(h => h.Number == 1));
        Assert.Equal([1], warehouse.Script.Seen.Select(h => h.Context.Attempt).Distinct());
        Assert.Empty(await ParkedAsync(warehouse));
        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Fact]
    public async Task A_record_that_arrives_while_its_keys_last_parked_row_is_handled_comes_after_it()
    {
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        var isMended = false;
        await using var warehouse = await OpenAsync(Configuration(1000, "00:00:00.1"), async h =>
        {
            if (h.Number == 1)
            {
                if (!Volatile.Read(ref isMended))
                {
                    throw new InvalidOperationException("no paper");
                }

                running.TrySetResult();
                await finish.Task;
            }

            h.AddEffect();
        });
        await warehouse.SendAsync(new OrderPlaced("a", 1), partition: 0);
        await Eventually.Equal(1, async () => (await ParkedAsync(warehouse)).Count);
        Volatile.Write(ref isMended, true);
        await Eventually.Ends(running.Task);

        await warehouse.SendAsync(new OrderPlaced("a", 2), partition: 0);
        await warehouse.SendAsync(new OrderPlaced("b", 3), partition: 0);
        await warehouse.EventuallyNumbersAsync(3);
        Assert.DoesNotContain(warehouse.Script.Seen, h => h.Number == 2);
        finish.SetResult();

        await warehouse.EventuallyNumbersAsync(1, 2, 3);
        await warehouse.SendAsync(new OrderPlaced("a", 4), partition: 0);
        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4);
        Assert.Equal([1, 2, 4], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        Assert.Empty(await ParkedAsync(warehouse));
    }

    [Fact]
    public async Task A_key_that_a_former_owner_empties_while_the_service_holds_it_goes_on()
    {
        var isMended = false;
        await using var warehouse = await OpenStoppedAsync(Configuration(1000, "00:00:02"));
        await warehouse.SendAsync(new OrderPlaced("a", 1), partition: 0);
        var former = await HandAsync(warehouse, h => Volatile.Read(ref isMended) ? Apply(h) : Fail(h));
        await former.ReceiveAsync(await RecordAsync(warehouse, 0));
        await warehouse.RestartAsync(script => script[Warehouse.Ship] = h => h.Number == 1 ? throw new InvalidOperationException("no paper") : Apply(h));
        await Eventually.True(() => warehouse.Service.Log.Entries.Any(e => e.Id.Name == "Loaded"));
        var row = Assert.Single(await ParkedAsync(warehouse));

        Volatile.Write(ref isMended, true);
        await Eventually.True(async () =>
        {
            await former.RunParkedAsync(new DueRow(row.Id, Warehouse.Ship, new PartitionId(row.Topic, row.KafkaPartition), row.Key));
            return (await ParkedAsync(warehouse)).Count == 0;
        });
        await warehouse.SendAsync(new OrderPlaced("a", 2), partition: 0);

        await warehouse.EventuallyNumbersAsync(1, 2);
        await Eventually.True(async () => (await ParkedAsync(warehouse)).Count == 0);
    }

    [Fact]
    public async Task Rows_of_a_consumer_that_was_renamed_stay_and_run_when_the_name_is_back()
    {
        await using var warehouse = await OpenStoppedAsync(Configuration(1000, "00:00:00.1"));
        await warehouse.SendAsync(new OrderPlaced("a", 1), partition: 0);
        await warehouse.SendAsync(new OrderPlaced("a", 2), partition: 0);
        var before = await HandAsync(warehouse, Fail);
        await before.ReceiveAsync(await RecordAsync(warehouse, 0));
        await before.ReceiveAsync(await RecordAsync(warehouse, 1));

        // To the new name, everything that is not committed is new; what is parked under the old one nobody tries.
        const string Renamed = "deliver";
        var renamed = await StartAsync(warehouse, Renamed);
        await Eventually.Equal("1 2", async () => string.Join(' ', await warehouse.NumbersAsync(Renamed)));
        await renamed.StopAsync();
        Assert.Equal([Warehouse.Ship, Warehouse.Ship], (await ParkedAsync(warehouse)).Select(row => row.Consumer));
        Assert.Equal([1, 0], (await ParkedAsync(warehouse)).Select(row => row.Attempts));

        await warehouse.RestartAsync();

        await Eventually.Equal("1 2", async () => string.Join(' ', await warehouse.NumbersAsync(Warehouse.Ship)));
        await Eventually.True(async () => (await ParkedAsync(warehouse)).Count == 0);
    }

    [Fact]
    public async Task A_key_with_many_rows_behind_does_not_stop_other_keys_of_its_lane()
    {
        const int Rows = 400;
        var isMended = false;
        await using var warehouse = await OpenAsync(Configuration(1000, "00:00:00.1"), h => h.Context.Key != "a" || Volatile.Read(ref isMended) ? Apply(h) : throw new InvalidOperationException("no paper"));
        foreach (var number in Enumerable.Range(1, Rows))
        {
            await warehouse.SendAsync(new OrderPlaced("a", number), partition: 0);
        }

        await Eventually.Equal(Rows, async () => (await ParkedAsync(warehouse)).Count);
        var neighbour = Enumerable.Range(0, 1_000_000).Select(n => $"b{n}").First(key => LaneOf(warehouse, key) == LaneOf(warehouse, "a"));
        Volatile.Write(ref isMended, true);
        await Eventually.True(() => warehouse.Script.Seen.Any(h => h.Context.Key == "a" && h.Number > 1));
        await warehouse.SendAsync(new OrderPlaced(neighbour, 0), partition: 0);

        await Eventually.Equal(Rows + 1, async () => (await warehouse.EffectsAsync()).Count, TimeSpan.FromSeconds(120));
        var order = (await warehouse.EffectsAsync()).Select(e => e.Number).ToList();
        Assert.InRange(order.IndexOf(0), 0, Rows - 1);
        order.Remove(0);
        Assert.Equal(Enumerable.Range(1, Rows), order);
    }

    [Fact]
    public async Task A_partition_with_parked_keys_is_handed_over_while_the_database_is_away()
    {
        var server = await PostgresServer.StartDurableAsync();
        if (server is null)
        {
            Requirement.Missing("No PostgreSQL: install its server (Debian: postgresql)");
        }

        await using var own = server;
        await using var warehouse = await Warehouse.OpenAsync(
            kafka, new OwnPostgres(server), b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick), Configuration(1000, "00:00:00.1"), script => script[Warehouse.Ship] = h => h.Context.Key == "a" ? Fail(h) : Apply(h));
        await warehouse.SendAsync(new OrderPlaced("a", 1), partition: 0);
        await Eventually.Equal(1, async () => (await ParkedAsync(warehouse)).Count);
        await warehouse.Service.StopAsync();
        await server.StopAsync(PosixSignalNumber.Quit);

        await warehouse.SendAsync(new OrderPlaced("a", 2), partition: 0);
        await warehouse.SendAsync(new OrderPlaced("b", 3), partition: 0);
        await warehouse.RestartAsync();
        await Eventually.True(() => warehouse.Service.Log.Entries.Any(e => e.Id.Name == "Assigned"));
        await Eventually.True(() => warehouse.Service.Log.Entries.Count(e => e.Id.Name == "SweepFailed") > 3);
        // Whether key "a" waits is not known, so nothing begins.
        Assert.Empty(warehouse.Script.Seen);
        await server.StartAsync();

        await warehouse.EventuallyNumbersAsync(1, 2, 3);
        Assert.Equal([1, 2], (await warehouse.EffectsAsync()).Where(e => e.Key == "a").Select(e => e.Number));
        await Eventually.True(async () => (await ParkedAsync(warehouse)).Count == 0);
        Assert.All(await MarksAsync(warehouse), mark => Assert.Equal(InboxOutcome.Done, mark.Outcome));
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private static Task Fail(Handling handling) => throw new InvalidOperationException("no paper");

    private static int NumberOf(RetryMessage row) => System.Text.Json.JsonDocument.Parse(row.Payload!).RootElement.GetProperty("number").GetInt32();

    /// <summary>As the engine spreads keys over its lanes; the hash is the process's own.</summary>
    private static uint LaneOf(Warehouse warehouse, string key)
    {
        var hash = new HashCode();
        hash.Add(warehouse.Bus.Prefix + Topics.Orders);
        hash.Add(0);
        hash.AddBytes(System.Text.Encoding.UTF8.GetBytes(key));
        return (uint)hash.ToHashCode() % 1024;
    }

    private static Task<List<RetryMessage>> ParkedAsync(Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<RetryMessage>>(db => db.Set<RetryMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    private static Task<List<InboxMessage>> MarksAsync(Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<InboxMessage>>(db => db.Set<InboxMessage>().AsNoTracking().ToListAsync());

    private static Dictionary<string, string?> Configuration(int parkedAttempts, string delay) => new()
    {
        ["EventBus:ConsumerDefaults:Attempts"] = "1",
        ["EventBus:ConsumerDefaults:ParkedAttempts"] = $"{parkedAttempts}",
        ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = delay,
        ["EventBus:ConsumerDefaults:MaxParkedRetryDelay"] = delay,
    };

    /// <summary>The record at an offset of partition 0, as Kafka gives it to anyone.</summary>
    private static async Task<IncomingRecord> RecordAsync(Warehouse warehouse, long offset)
    {
        var record = (await warehouse.Bus.ReadAsync(Topics.Orders, (int)offset + 1)).Single(r => r.Partition == 0 && r.Offset == offset);
        return new IncomingRecord
        {
            Topic = record.Topic,
            Partition = record.Partition,
            Offset = record.Offset,
            Timestamp = record.Timestamp,
            Key = record.Key,
            Value = record.Value,
            Headers = record.Headers,
        };
    }

    private static async Task<OwnerHand> HandAsync(Warehouse warehouse, Func<Handling, Task> handler)
    {
        var service = await StartAsync(warehouse, Warehouse.Ship, handler, new() { ["EventBus:Consumers:Enabled"] = "false", ["EventBus:Relay:Enabled"] = "false" });
        return new OwnerHand(service, new PartitionId(warehouse.Bus.Prefix + Topics.Orders, 0));
    }

    /// <summary>Another process of the same service.</summary>
    private static Task<TestService> StartAsync(Warehouse warehouse, string consumer, Func<Handling, Task>? handler = null, Dictionary<string, string?>? settings = null)
    {
        var script = new Script();
        if (handler is not null)
        {
            script[consumer] = handler;
        }

        return warehouse.Bus.StartAsync<ShopContext>(
            "warehouse",
            warehouse.Database,
            b => b.AddConsumer<Scripted<OrderPlaced>>(consumer, Warehouse.Quick),
            services => services.AddSingleton(script),
            warehouse.Configuration.Concat(settings ?? []));
    }

    private Task<Warehouse> OpenAsync(Dictionary<string, string?> configuration, Func<Handling, Task> handler) =>
        Warehouse.OpenAsync(kafka, databases, configuration: configuration, script: script => script[Warehouse.Ship] = handler);

    /// <summary>With a service that had the partitions and no record yet.</summary>
    private async Task<Warehouse> OpenStoppedAsync(Dictionary<string, string?> configuration)
    {
        var warehouse = await OpenAsync(configuration, Apply);
        await warehouse.Service.StopAsync();
        return warehouse;
    }
}
