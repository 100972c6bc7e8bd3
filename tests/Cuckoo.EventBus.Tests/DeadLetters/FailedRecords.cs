using System.Globalization;
using System.Text;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Wire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.DeadLetters;

/// <summary>What stands in the tables of a warehouse about records that failed, and rows as failures would have written them.</summary>
internal static class FailedRecords
{
    public static Task<List<RetryMessage>> ParkedAsync(this Warehouse warehouse) =>
        warehouse.Database.AskAsync<ShopContext, List<RetryMessage>>(db => db.Set<RetryMessage>().AsNoTracking().OrderBy(m => m.Id).ToListAsync());

    /// <summary>The outcomes in the inbox and how many have each, for instance "2 Done, 1 Dead".</summary>
    public static async Task<string> OutcomesAsync(this Warehouse warehouse, string consumer = Warehouse.Ship)
    {
        var marks = await warehouse.Database.AskAsync<ShopContext, List<InboxMessage>>(db => db.Set<InboxMessage>().AsNoTracking().Where(m => m.Consumer == consumer).ToListAsync());
        return string.Join(", ", marks.GroupBy(m => m.Outcome).OrderBy(g => g.Key).Select(g => $"{g.Count()} {g.Key}"));
    }

    /// <summary>Another process of the service, which neither consumes nor relays: a person's desk.</summary>
    public static async Task<IServiceProvider> OpenDeskAsync(this Warehouse warehouse, Action<EventBusBuilder>? consumers = null, Action<IServiceCollection>? services = null) =>
        (await warehouse.Bus.StartAsync<ShopContext>(
            "warehouse",
            warehouse.Database,
            consumers ?? (b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, Warehouse.Quick)),
            collection =>
            {
                collection.AddSingleton(new Script());
                services?.Invoke(collection);
            },
            new Dictionary<string, string?> { ["EventBus:Consumers:Enabled"] = "false", ["EventBus:Relay:Enabled"] = "false" })).Services;

    /// <summary>Puts dead letters of orders there, one of each key, with their marks.</summary>
    public static Task<List<long>> AddLettersAsync(this Warehouse warehouse, IEnumerable<int> numbers, string? consumer = null, Func<int, string>? key = null) =>
        warehouse.Database.AskAsync<ShopContext, List<long>>(async db =>
        {
            var letters = numbers.Select(number => LetterOf(warehouse, number, consumer ?? Warehouse.Ship, key?.Invoke(number) ?? $"k{number}")).ToList();
            db.AddRange(letters);
            db.AddRange(letters.Select(l => new InboxMessage
            {
                ConsumerGroup = l.ConsumerGroup,
                Consumer = l.Consumer,
                Source = l.Source,
                EventId = l.EventId,
                Outcome = InboxOutcome.Dead,
                DecidedAt = l.CreatedAt,
            }));
            await db.SaveChangesAsync();
            return letters.ConvertAll(l => l.Id);
        });

    /// <summary>Turns the marks of all events into another outcome, or deletes them.</summary>
    public static Task<int> MarkAllAsync(this Warehouse warehouse, InboxOutcome? outcome) => warehouse.Database.AskAsync<ShopContext, int>(db => outcome is { } value
        ? db.Set<InboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.Outcome, value))
        : db.Set<InboxMessage>().ExecuteDeleteAsync());

    public static EventBusDatabase DatabaseOf(IServiceProvider services) => services.GetRequiredService<EventBusDatabases>().All.Single();

    private static DeadLetter LetterOf(Warehouse warehouse, int number, string consumer, string key)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"event-{number}");
        var now = DateTime.UtcNow;
        return new DeadLetter
        {
            ConsumerGroup = warehouse.Service.Name,
            Consumer = consumer,
            Source = "shop",
            EventId = id,
            Type = "order.placed",
            Topic = warehouse.Bus.Prefix + Topics.Orders,
            KafkaPartition = 0,
            KafkaOffset = 1000 + number,
            RecordTimestamp = now,
            Key = Encoding.UTF8.GetBytes(key),
            Headers = HeaderBlock.Write(Warehouse.HeadersOf(id, "shop", null)),
            Payload = Encoding.UTF8.GetBytes($$"""{"orderId":"{{key}}","number":{{number}},"occurredAt":"2026-01-01T12:00:00Z"}"""),
            Attempts = 3,
            FirstFailedAt = now,
            LastFailedAt = now,
            CreatedAt = now,
            ExceptionType = "System.InvalidOperationException",
            ExceptionMessage = "no paper",
            ExceptionStack = "no paper at all",
        };
    }
}
