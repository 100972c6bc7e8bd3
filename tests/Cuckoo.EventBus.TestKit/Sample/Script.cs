using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.TestKit.Sample;

/// <summary>What the consumers of one service do, told by the test, and what they saw.</summary>
public sealed class Script
{
    private readonly ConcurrentDictionary<string, Func<Handling, Task>> _scenes = new();

    /// <summary>Every call of a handler, also of those that failed.</summary>
    public ConcurrentQueue<Handling> Seen { get; } = new();

    /// <summary>Every call of a handler of batches, also of those that failed.</summary>
    public ConcurrentQueue<IReadOnlyList<Handling>> Batches { get; } = new();

    /// <summary>What consumers do before the events of a batch, one after the other. Default: nothing.</summary>
    public Func<IReadOnlyList<Handling>, Task> BeforeBatch { get; set; } = static _ => Task.CompletedTask;

    /// <summary>What a consumer does. Default: one row in the table of effects.</summary>
    public Func<Handling, Task> this[string consumer]
    {
        set => _scenes[consumer] = value;
    }

    public async Task PlayAsync(IReadOnlyList<Handling> batch)
    {
        Batches.Enqueue(batch);
        await BeforeBatch(batch);
        foreach (var handling in batch)
        {
            await PlayAsync(handling);
        }
    }

    public Task PlayAsync(Handling handling)
    {
        Seen.Enqueue(handling);
        return _scenes.GetValueOrDefault(handling.Context.Consumer, static h =>
        {
            h.AddEffect();
            return Task.CompletedTask;
        })(handling);
    }
}

/// <summary>One call of a handler.</summary>
public sealed record Handling(object Event, EventContext Context, IServiceProvider Scope, CancellationToken Ct)
{
    public ShopContext Db => Scope.GetRequiredService<ShopContext>();

    public IEventPublisher Events => Scope.GetRequiredService<IEventPublisher>();

    public int Number => Event switch
    {
        OrderPlaced placed => placed.Number,
        OrderShipped shipped => shipped.Number,
        StockCounted counted => counted.Count,
        _ => 0,
    };

    /// <summary>One row, whose text PostgreSQL takes.</summary>
    public void AddEffect() => Db.Effects.Add(new Effect
    {
        Consumer = Context.Consumer,
        EventId = Context.EventId.Replace("\0", "", StringComparison.Ordinal),
        Key = Context.Key?.Replace("\0", "", StringComparison.Ordinal),
        Number = Number,
    });
}

/// <summary>A consumer that does what the script says.</summary>
public sealed class Scripted<TEvent>(Script script, IServiceProvider scope) : IEventConsumer<TEvent>
    where TEvent : class
{
    public Task ConsumeAsync(TEvent @event, EventContext context, CancellationToken ct) => script.PlayAsync(new Handling(@event, context, scope, ct));
}

/// <summary>A consumer of batches that does what the script says.</summary>
public sealed class ScriptedBatch<TEvent>(Script script, IServiceProvider scope) : IEventBatchConsumer<TEvent>
    where TEvent : class
{
    public Task ConsumeAsync(IReadOnlyList<ReceivedEvent<TEvent>> batch, CancellationToken ct) =>
        script.PlayAsync([.. batch.Select(received => new Handling(received.Event, received.Context, scope, ct))]);
}
