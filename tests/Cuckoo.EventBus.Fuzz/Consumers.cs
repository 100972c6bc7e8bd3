using System.Text.Json;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>Without a database: what it does not take goes to the dead-letter topic, acknowledged before the offset moves.</summary>
internal sealed class PlainConsumer(Tally tally) : IEventConsumer<FuzzOrder>, IEventConsumer<FuzzNote>, IEventConsumer<FuzzForeign>
{
    public Task ConsumeAsync(FuzzOrder @event, EventContext context, CancellationToken ct) => HandleAsync(@event, context);

    public Task ConsumeAsync(FuzzNote @event, EventContext context, CancellationToken ct) => HandleAsync(@event, context);

    public Task ConsumeAsync(FuzzForeign @event, EventContext context, CancellationToken ct) => HandleAsync(@event, context);

    private Task HandleAsync<T>(T @event, EventContext context)
    {
        // Reads all that came.
        _ = JsonSerializer.SerializeToUtf8Bytes(@event);
        _ = (context.EventId, context.Source, context.Key, context.Trace, context.Timestamp);
        tally.Handled(context.Topic, context.Partition, context.Offset);
        return Task.CompletedTask;
    }
}

/// <summary>With a database: its effect is a row with the event's text, which PostgreSQL does not take with U+0000.</summary>
internal sealed class StoredConsumer(FuzzContext db) : IEventConsumer<FuzzOrder>, IEventConsumer<FuzzNote>, IEventConsumer<FuzzForeign>
{
    public Task ConsumeAsync(FuzzOrder @event, EventContext context, CancellationToken ct) => StoreAsync(@event.Name + @event.Remark);

    public Task ConsumeAsync(FuzzNote @event, EventContext context, CancellationToken ct) => StoreAsync(@event.Text);

    public Task ConsumeAsync(FuzzForeign @event, EventContext context, CancellationToken ct) => StoreAsync(@event.OrderNumber);

    private Task StoreAsync(string text)
    {
        db.Add(new SeenEvent { Text = text });
        return Task.CompletedTask;
    }
}
