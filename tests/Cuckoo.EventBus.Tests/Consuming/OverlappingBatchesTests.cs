using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Tests.Outbox;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using static Cuckoo.EventBus.Tests.Consuming.BatchScene;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>Batches of two owners, and commits without an answer, on PostgreSQL, where one can watch who waits.</summary>
public sealed class OverlappingBatchesTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_waits_for_a_frozen_owner_of_one_of_its_records_and_for_that_ones_outcome(bool commits)
    {
        await using var warehouse = await OpenAsync(3);
        var events = Enumerable.Range(0, 4).Select(n => new OrderPlaced($"{n}", n)).ToList();
        await using var frozen = warehouse.Database.CreateContext<ShopContext>();
        await using var transaction = await frozen.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        frozen.Add(new InboxMessage
        {
            ConsumerGroup = warehouse.Service.Name,
            Consumer = Warehouse.Ship,
            Source = "shop",
            EventId = events[2].EventId.ToString(),
            Outcome = InboxOutcome.Done,
            DecidedAt = DateTime.UtcNow,
        });
        await frozen.SaveChangesAsync(TestContext.Current.CancellationToken);

        foreach (var e in events.Skip(1))
        {
            await warehouse.SendAsync(e, partition: 0);
        }

        await Eventually.True(() => IsSomeoneWaitingAsync(warehouse.Database));
        // It has given up waiting once, and holds nothing meanwhile.
        await Eventually.True(() => warehouse.Service.Log.Entries.Any(e => e.Id.Name == "Waiting"));
        Assert.Empty(warehouse.Script.Batches);
        if (commits)
        {
            await transaction.CommitAsync(TestContext.Current.CancellationToken);
            await warehouse.EventuallyNumbersAsync(1, 3);
            Assert.Equal("1 3", warehouse.Script.Calls());
        }
        else
        {
            await transaction.RollbackAsync(TestContext.Current.CancellationToken);
            await warehouse.EventuallyNumbersAsync(1, 2, 3);
            Assert.Equal("1 2 3", warehouse.Script.Calls());
        }

        Assert.Empty(await warehouse.DeadLettersAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_two_batches_with_the_same_events_in_another_order_one_waits_for_the_other(bool firstSucceeds)
    {
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var warehouse = await OpenAsync(5, script =>
        {
            script.BeforeBatch = async batch =>
            {
                if (script.Batches.Count == 1)
                {
                    running.SetResult();
                    await finish.Task;
                    if (!firstSucceeds)
                    {
                        throw new InvalidOperationException("no paper");
                    }
                }
            };
        });
        var events = Enumerable.Range(1, 5).Select(n => new OrderPlaced($"{n}", n)).ToList();
        foreach (var e in events)
        {
            await warehouse.SendAsync(e, partition: 0);
        }

        await Eventually.Ends(running.Task);
        foreach (var e in Enumerable.Reverse(events))
        {
            await warehouse.SendAsync(e, partition: 1);
        }

        await Eventually.True(() => IsSomeoneWaitingAsync(warehouse.Database));
        Assert.Single(warehouse.Script.Batches);
        finish.SetResult();

        await warehouse.EventuallyNumbersAsync(1, 2, 3, 4, 5);
        await Eventually.Equal(5, async () => (await warehouse.InboxAsync()).Count(m => m.Outcome == InboxOutcome.Done));
        Assert.Empty(await warehouse.DeadLettersAsync());
        Assert.DoesNotContain(warehouse.Service.Log.Entries, e => e.Exception?.ToString().Contains("40P01", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Batches_that_overlap_in_any_order_apply_each_event_once()
    {
        await using var warehouse = await OpenAsync(20, wait: TimeSpan.FromMilliseconds(5));
        var events = Enumerable.Range(1, 300).Select(n => new OrderPlaced($"{n}", n)).ToList();
        var random = new Random(7);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(async partition =>
        {
            OrderPlaced[] shuffled;
            lock (random)
            {
                shuffled = [.. events.OrderBy(_ => random.Next())];
            }

            await Task.WhenAll(shuffled.Select(e => warehouse.SendAsync(e, partition)));
        }));

        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, 300)]);
        // Behind the last copy of each partition, so that all copies have been looked at.
        for (var partition = 0; partition < 3; partition++)
        {
            await warehouse.SendAsync(new OrderPlaced("end", 301 + partition), partition);
        }

        await warehouse.EventuallyNumbersAsync([.. Enumerable.Range(1, 303)]);
        Assert.DoesNotContain(warehouse.Service.Log.Entries, e => e.Exception?.ToString().Contains("40P01", StringComparison.Ordinal) == true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_commit_without_an_answer_is_found_out_from_the_inbox(bool tookPlace)
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders, Topics.Shipping);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var (script, trouble) = (new Script(), tookPlace ? (IInterceptor)new LostAnswer() : new CommitTrouble { Failures = 1 });
        var service = bus.Build("warehouse", services =>
        {
            services.AddDbContext<ShopContext>(options =>
            {
                database.Configure(options);
                options.AddInterceptors(trouble);
            });
            services.AddSingleton(script);
            services.AddCuckooEventBus(b => b.UseOutbox<ShopContext>().AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, Options(3)));
        });
        await service.StartAsync();

        for (var n = 1; n <= 3; n++)
        {
            await bus.ProduceAsync(Topics.Orders, null, System.Text.Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":{{n}}}"""), Warehouse.HeadersOf($"{n}", "shop", null), partition: 0);
        }

        await Eventually.Equal(3, () => database.AskAsync<ShopContext, int>(db => db.Effects.CountAsync()));
        await Eventually.Equal(1, () => service.Log.Entries.Count(e => e.Id.Name == "CommitUnknown"));
        // A refused commit is somebody's fault as long as the database answers.
        Assert.Equal(tookPlace ? "1 2 3" : "1 2 3 | 1 | 2 3", script.Calls());
    }

    private static Task<bool> IsSomeoneWaitingAsync(TestDatabase database) => database.AskAsync<ShopContext, bool>(async db =>
        await db.Database.SqlQuery<int>($"SELECT count(*)::int AS \"Value\" FROM pg_locks WHERE NOT granted").SingleAsync() > 0);

    private Task<Warehouse> OpenAsync(int size, Action<Script>? script = null, TimeSpan? wait = null) =>
        Warehouse.OpenAsync(kafka, databases, b => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, Options(size, wait)), script: script);

    /// <summary>Commits, and says it failed.</summary>
    private sealed class LostAnswer : DbTransactionInterceptor
    {
        private int _lost;

        public override Task TransactionCommittedAsync(System.Data.Common.DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default) =>
            Interlocked.Increment(ref _lost) == 1 ? throw new TimeoutException("no answer") : Task.CompletedTask;
    }
}
