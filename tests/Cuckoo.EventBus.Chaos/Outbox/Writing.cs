using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>One transaction, of one of the kinds that users write. Each bumps counters, writes witnesses and publishes.</summary>
internal sealed class Writing(ChaosContext db, IEventPublisher events, WorkerSettings settings, Random random)
{
    /// <summary>Few enough that transactions of a key meet.</summary>
    public const int Keys = 40;

    private const int MostKeys = 3;
    private const int MostEventsPerKey = 3;

    private static readonly TimeSpan LongestHold = TimeSpan.FromMilliseconds(80);
    private static readonly TimeSpan LongestLongHold = TimeSpan.FromMilliseconds(1500);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(3);

    public static string KeyOf(int number) => string.Create(CultureInfo.InvariantCulture, $"k{number:00}");

    /// <summary>Writes one transaction.</summary>
    public Task WriteAsync(CancellationToken ct) => random.Next(100) switch
    {
        < 40 => InTransactionAsync(OnceAsync, ct),
        < 58 => InTransactionAsync(TwiceAsync, ct),
        < 70 => WithoutTransactionAsync(ct),
        < 78 => InTransactionAsync(InVainAsync, ct),
        < 86 => InTransactionAsync(PartlyInVainAsync, ct),
        < 94 => InTransactionAsync(KeylessAsync, ct),
        _ => InTransactionAsync(DelayedAsync, ct),
    };

    /// <summary>Several keys, several events of each.</summary>
    private async Task OnceAsync(IDbContextTransaction transaction, CancellationToken ct)
    {
        await PublishAsync(await LockAsync(ct), ct);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>Two saves, between which the first one's rows stand uncommitted while others commit higher ids.</summary>
    private async Task TwiceAsync(IDbContextTransaction transaction, CancellationToken ct)
    {
        var counters = await LockAsync(ct);
        await PublishAsync(counters, ct);
        await db.SaveChangesAsync(ct);
        await Task.Delay(random.Between(TimeSpan.Zero, random.Chance(0.1) ? LongestLongHold : LongestHold), ct);
        foreach (var counter in counters)
        {
            counter.Raise(Bump(counter));
        }

        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>A bare save of an entity that raises events; a counter that someone else has bumped meanwhile fails it.</summary>
    private async Task WithoutTransactionAsync(CancellationToken ct)
    {
        var key = AnyKey();
        var counter = await db.Counters.SingleAsync(c => c.Key == key, ct);
        counter.Raise(Bump(counter));
        await db.SaveChangesAsync(ct);
    }

    private async Task InVainAsync(IDbContextTransaction transaction, CancellationToken ct)
    {
        await PublishAsync(await LockAsync(ct), ct);
        await db.SaveChangesAsync(ct);
        if (random.Chance(0.5))
        {
            await transaction.RollbackAsync(ct);
        }
    }

    /// <summary>What follows the savepoint is rolled back, the rest commits.</summary>
    private async Task PartlyInVainAsync(IDbContextTransaction transaction, CancellationToken ct)
    {
        var counters = await LockAsync(ct);
        await PublishAsync(counters, ct);
        await db.SaveChangesAsync(ct);
        await transaction.CreateSavepointAsync("here", ct);
        await PublishAsync(counters, ct);
        await db.SaveChangesAsync(ct);
        await transaction.RollbackToSavepointAsync("here", ct);
        await transaction.CommitAsync(ct);
    }

    private async Task KeylessAsync(IDbContextTransaction transaction, CancellationToken ct)
    {
        await db.PublishBatchAsync(Enumerable.Range(0, random.Next(1, 4)).Select(_ => Witnessed(new Noted(null, null, Padding()))).ToList(), null, ct);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>For later, and so without an order, though with a key. The time is right whatever this worker's clock says.</summary>
    private async Task DelayedAsync(IDbContextTransaction transaction, CancellationToken ct)
    {
        var noted = Witnessed(new Noted(AnyKey(), null, Padding()));
        await events.PublishAsync(noted, new PublishOptions { DeliverAt = DateTimeOffset.UtcNow + random.Between(TimeSpan.Zero, LongestDelay) }, ct);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
    }

    private Task InTransactionAsync(Func<IDbContextTransaction, CancellationToken, Task> write, CancellationToken ct) =>
        db.Database.CreateExecutionStrategy().ExecuteAsync(
            async token =>
            {
                // An attempt before this one may have left something.
                db.ChangeTracker.Clear();
                await using var transaction = await db.Database.BeginTransactionAsync(token);
                await write(transaction, token);
            },
            ct);

    /// <summary>Some counters, whose rows nobody else can bump until the transaction ends. In one order, or two would wait for each other.</summary>
    private async Task<List<Counter>> LockAsync(CancellationToken ct)
    {
        var keys = Enumerable.Range(0, random.Next(1, MostKeys + 1)).Select(_ => AnyKey()).Distinct().ToArray();
        return await db.Counters.FromSql($"SELECT * FROM counters WHERE key = ANY({keys}) ORDER BY key FOR UPDATE").ToListAsync(ct);
    }

    private async Task PublishAsync(List<Counter> counters, CancellationToken ct)
    {
        foreach (var counter in counters)
        {
            for (var left = random.Next(1, MostEventsPerKey + 1); left > 0; left--)
            {
                await events.PublishAsync(Bump(counter), ct);
            }
        }
    }

    private Noted Bump(Counter counter) => Witnessed(new Noted(counter.Key, ++counter.Number, Padding()));

    private Noted Witnessed(Noted noted)
    {
        db.Witnesses.Add(new Witness { Id = noted.EventId, Key = noted.Key, Number = noted.Number, Worker = settings.Name, At = DateTime.UtcNow });
        return noted;
    }

    /// <summary>Some keys come often.</summary>
    private string AnyKey() => KeyOf((int)(Keys * Math.Pow(random.NextDouble(), 2)));

    private string Padding() => new('x', random.Chance(0.02) ? random.Next(20_000) : random.Next(300));
}
