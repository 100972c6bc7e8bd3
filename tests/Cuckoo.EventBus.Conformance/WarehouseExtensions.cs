using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Conformance;

/// <summary>What several areas ask of the service under test.</summary>
internal static class WarehouseExtensions
{
    /// <summary>Does something in a request of the service: a scope with its context and its publisher.</summary>
    public static Task RequestAsync(this Warehouse warehouse, Func<ShopContext, IEventPublisher, Task> work) =>
        warehouse.Service.InScopeAsync(scope => work(scope.GetRequiredService<ShopContext>(), scope.GetRequiredService<IEventPublisher>()));

    /// <summary>Publishes events by the service's outbox, in one transaction.</summary>
    public static Task PublishAsync(this Warehouse warehouse, params IReadOnlyList<object> events) => warehouse.RequestAsync(async (db, publisher) =>
    {
        await publisher.PublishBatchAsync(events);
        await db.SaveChangesAsync();
    });

    /// <summary>Writes a value as an order with these headers beside an id of its own, or instead of the bus's own.</summary>
    public static Task<(int Partition, long Offset)> SendValueAsync(this Warehouse warehouse, string? value, EventHeaders? headers = null) =>
        warehouse.SendBytesAsync(value is null ? null : Encoding.UTF8.GetBytes(value), "a"u8.ToArray(), headers);

    /// <summary>The events' numbers in a topic, partition by partition.</summary>
    public static async Task<IReadOnlyList<int>> NumbersInAsync(this TestBus bus, string topic, int count = 0) =>
        [.. (await bus.ReadAsync(topic, count)).Select(r => r.Json.GetProperty("number").GetInt32())];

    /// <summary>The numbers of the records that handlers were called with, and the attempts, in the order of the calls.</summary>
    public static IEnumerable<(int Number, int Attempt)> Calls(this Script script) => script.Seen.Select(h => (h.Number, h.Context.Attempt));
}
