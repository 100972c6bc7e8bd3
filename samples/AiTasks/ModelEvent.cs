using System.Text.Json.Serialization;
using Cuckoo.EventBus;

namespace AiTasks;

/// <summary>What became of a task, for the Python side: the task's own fields and a status.</summary>
[Event("ai.model-event", Topic = "model-events", Naming = EventNaming.SnakeCase, IsTopicDefault = true)]
public sealed record ModelEvent(string TaskId, string Model, string Input, string Status, [property: JsonConverter(typeof(PythonTime))] DateTimeOffset Timestamp);
