using AiTasks;
using Cuckoo.EventBus;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddCuckooEventBus(bus => bus
    .Map<AiTask>(task =>
    {
        task.Key = t => t.TaskId;
        task.Id = t => t.TaskId;
    })
    .Map<ModelEvent>(model =>
    {
        model.Key = m => m.TaskId;
        // The same whenever a task is accepted again, so that a reader can tell.
        model.Id = m => $"{m.TaskId}/{m.Status}";
    })
    .Publishes<AiTask>()
    .Publishes<ModelEvent>()
    .AddConsumer<AcceptTask>());

var app = builder.Build();

// From our side into the same queue: Python's consumers read it as if Python had written it.
app.MapPost("/tasks", async (NewTask request, IEventPublisher events, TimeProvider time, CancellationToken ct) =>
{
    var task = new AiTask(request.TaskId ?? Guid.CreateVersion7().ToString(), request.Model, request.Input, time.GetUtcNow());
    await events.PublishAsync(task, ct);
    return Results.Accepted(value: task);
});
app.Run();
