using System.Text.Json.Serialization;
using Cuckoo.EventBus;

namespace AiTasks;

/// <summary>
/// A task for a model, as the Python side writes and reads it: <c>{"task_id": …, "model": …, "input": …, "timestamp": …}</c>,
/// without any header. So it is the topic's default event type, and its id and key are mapped in <c>Program.cs</c>.
/// </summary>
/// <param name="TaskId">Identifies the task, and is the record's key.</param>
/// <param name="Model">The model to run.</param>
/// <param name="Input">What to run it on.</param>
/// <param name="Timestamp">When the task was made.</param>
[Event("ai.task", Topic = "ai-task-queue", Naming = EventNaming.SnakeCase, IsTopicDefault = true)]
public sealed record AiTask(string TaskId, string Model, string Input, [property: JsonConverter(typeof(PythonTime))] DateTimeOffset Timestamp);
