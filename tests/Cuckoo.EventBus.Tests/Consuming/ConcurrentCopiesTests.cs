using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>PostgreSQL lets two transactions claim one event at the same time; what the second one does can be watched.</summary>
public sealed class ConcurrentCopiesTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_copy_that_comes_while_the_first_is_being_handled_waits_for_its_outcome(bool firstSucceeds)
    {
        var (running, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => o.Attempts = 1));
        var calls = 0;
        warehouse.Script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            if (Interlocked.Increment(ref calls) == 1)
            {
                running.SetResult();
                await finish.Task;
                if (!firstSucceeds)
                {
                    throw new InvalidOperationException("no paper");
                }
            }
        };
        var placed = new OrderPlaced("a", 1);

        await warehouse.SendAsync(placed, partition: 0, key: "first");
        await Eventually.Ends(running.Task);
        await warehouse.SendAsync(placed, partition: 1, key: "second");
        await Eventually.True(() => IsSomeoneWaitingAsync(warehouse.Database));
        Assert.Equal(1, calls);
        finish.SetResult();

        await warehouse.SendAsync(new OrderPlaced("end", 2), partition: 0);
        await warehouse.SendAsync(new OrderPlaced("end", 3), partition: 1);
        if (firstSucceeds)
        {
            await warehouse.EventuallyNumbersAsync(1, 2, 3);
            Assert.Empty(await warehouse.DeadLettersAsync());
        }
        else
        {
            // Either the copy is applied and the first one's failure has no outcome left to write, or the first one is dead and
            // the copy is a repeat of it.
            await Eventually.True(async () => (await warehouse.NumbersAsync()).Except([1]).Count() == 2);
            await Eventually.Equal(1, async () => (await warehouse.NumbersAsync()).Count(n => n == 1) + (await warehouse.DeadLettersAsync()).Count);
        }
    }

    private static Task<bool> IsSomeoneWaitingAsync(TestDatabase database) => database.AskAsync<ShopContext, bool>(async db =>
        await db.Database.SqlQuery<int>($"SELECT count(*)::int AS \"Value\" FROM pg_locks WHERE NOT granted").SingleAsync() > 0);
}
