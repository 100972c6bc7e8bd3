using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.TestKit.Sample;

/// <summary>What the consumers of one service do, told by the test, and what they saw.</summary>
public sealed class Script
{
    private readonly ConcurrentDictionary<string, Func<Handling, Task>> _scenes = new();

    /// <summary>Every call of a handler, also of those that failed.</summary>
    public ConcurrentQueue<Handling> Seen { get; } = new();

    /// <summary>What a consumer does. Default: one row in the table of effects.</summary>
    public Func<Handling, Task> this[string consumer]
    {
        set => _scenes[consumer] = value;
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
