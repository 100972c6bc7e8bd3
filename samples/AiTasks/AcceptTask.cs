using Cuckoo.EventBus;

namespace AiTasks;

/// <summary>
/// Says on <c>model-events</c> that a task was accepted. There is no database here, so it happens at least once: after a crash a
/// task may be accepted again. Whoever reads model events can tell by the id, which is then the same.
/// </summary>
public sealed class AcceptTask(IEventPublisher events, TimeProvider time, ILogger<AcceptTask> logger) : IEventConsumer<AiTask>
{
    public async Task ConsumeAsync(AiTask @event, EventContext context, CancellationToken ct)
    {
        logger.LogInformation("Accepting {Task}", @event);
        await events.PublishAsync(new ModelEvent(@event.TaskId, @event.Model, @event.Input, "accepted", time.GetUtcNow()), ct);
    }
}
