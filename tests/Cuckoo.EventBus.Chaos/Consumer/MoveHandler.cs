namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>Handles events one by one.</summary>
internal sealed class MoveHandler(Effect effect) : IEventConsumer<Moved>
{
    public Task ConsumeAsync(Moved @event, EventContext context, CancellationToken ct) => effect.HaveAsync(context, ct);
}
