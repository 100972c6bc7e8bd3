using System.Text;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>A warehouse whose consumer takes batches, and whose records are in one partition.</summary>
internal static class BatchScene
{
    /// <summary>A batch begins only when it is full.</summary>
    public static readonly TimeSpan UntilFull = TimeSpan.FromHours(1);

    public static Action<ConsumerOptions> Options(int size, TimeSpan? wait = null, Action<ConsumerOptions>? more = null) => options =>
    {
        Warehouse.Quick(options);
        options.BatchSize = size;
        options.BatchWait = wait ?? UntilFull;
        more?.Invoke(options);
    };

    /// <summary>Records are parked after two attempts, and tried again soon.</summary>
    public static Dictionary<string, string?> Parking(string delay = "00:00:00.1") => new()
    {
        ["EventBus:ConsumerDefaults:Attempts"] = "2",
        ["EventBus:ConsumerDefaults:ParkedAttempts"] = "1000",
        ["EventBus:ConsumerDefaults:ParkedRetryDelay"] = delay,
        ["EventBus:ConsumerDefaults:MaxParkedRetryDelay"] = delay,
    };

    /// <summary>Sends records, each of its own key, named by its number.</summary>
    public static Task SendAsync(this Warehouse warehouse, params IReadOnlyList<int> numbers) => warehouse.SendAsync([.. numbers.Select(n => ($"{n}", n))]);

    public static async Task SendAsync(this Warehouse warehouse, params IReadOnlyList<(string Key, int Number)> records)
    {
        foreach (var (key, number) in records)
        {
            await warehouse.SendAsync(new OrderPlaced(key, number), partition: 0);
        }
    }

    /// <summary>What an earlier owner of partition 0 leaves behind when it parks an event that this one has not read yet.</summary>
    public static async Task ParkAsync(this Warehouse warehouse, OrderPlaced placed, long offset)
    {
        var (group, key, now) = (warehouse.Service.Name, Encoding.UTF8.GetBytes(placed.OrderId), DateTime.UtcNow);
        await using var db = warehouse.Database.CreateContext<ShopContext>();
        db.Add(new InboxMessage
        {
            ConsumerGroup = group,
            Consumer = Warehouse.Ship,
            Source = "shop",
            EventId = placed.EventId.ToString(),
            Outcome = InboxOutcome.Parked,
            DecidedAt = now,
        });
        db.Add(new RetryMessage
        {
            ConsumerGroup = group,
            Consumer = Warehouse.Ship,
            Source = "shop",
            EventId = placed.EventId.ToString(),
            Type = "order.placed",
            Topic = warehouse.Bus.Prefix + Topics.Orders,
            KafkaPartition = 0,
            KafkaOffset = offset,
            RecordTimestamp = now,
            Key = key,
            KeyHash = ParkedKey.Hash(key),
            Headers = HeaderBlock.Write(Warehouse.HeadersOf(placed.EventId.ToString(), "shop", null)),
            Payload = Encoding.UTF8.GetBytes($$"""{"orderId":"{{placed.OrderId}}","number":{{placed.Number}}}"""),
            FirstFailedAt = now,
            LastFailedAt = now,
            CreatedAt = now,
        });
        await db.SaveChangesAsync();
    }

    /// <summary>The numbers of the events of each call of a handler.</summary>
    public static string Calls(this Script script) => string.Join(" | ", script.Batches.Select(batch => string.Join(' ', batch.Select(h => h.Number))));

    public static Task<List<RetryMessage>> ParkedAsync(this Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<RetryMessage>>(db => db.Set<RetryMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    public static Task<List<InboxMessage>> InboxAsync(this Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<InboxMessage>>(db => db.Set<InboxMessage>().AsNoTracking().ToListAsync());
}
