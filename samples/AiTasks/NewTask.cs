namespace AiTasks;

/// <summary>The body of <c>POST /tasks</c>. Without an id of the client's own the task gets a new one.</summary>
public sealed record NewTask(string Model, string Input, string? TaskId = null);
