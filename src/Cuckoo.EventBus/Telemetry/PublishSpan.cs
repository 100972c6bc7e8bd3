using System.Diagnostics;
using System.Text;
using System.Text.Unicode;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// The span that an event begins with, whose context travels with it: <c>create</c> where it goes into an outbox, <c>send</c> where
/// it goes to the broker at once. None where nobody listens or the trace is not sampled; then the caller's context travels.
/// </summary>
internal static class PublishSpan
{
    /// <summary>Of an event that is put into an outbox; ends when the event is staged.</summary>
    public static Activity? Create(string topic) => Start("create", topic);

    /// <summary>Of an event that is sent without an outbox; ends with the broker's answer.</summary>
    public static Activity? Send(string topic) => Start("send", topic);

    /// <summary>Says which event it is.</summary>
    public static void Describe(Activity? span, OutgoingRecord record)
    {
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("messaging.message.id", record.EventId);
            span.SetTag("cuckoo.eventbus.event_type", record.EventType);
            SetRecord(span, record.Key, record.Payload?.Length);
        }
    }

    public static void Failed(Activity? span, Exception exception)
    {
        span?.SetStatus(ActivityStatusCode.Error, exception.Message);
        span?.SetTag("error.type", exception.GetType().FullName);
    }

    /// <summary>The key where it is text, and the size; never the payload.</summary>
    public static void SetRecord(Activity span, byte[]? key, int? bodySize)
    {
        if (key is not null && Utf8.IsValid(key))
        {
            span.SetTag("messaging.kafka.message.key", Encoding.UTF8.GetString(key));
        }

        if (bodySize is { } size)
        {
            span.SetTag("messaging.message.body.size", size);
        }
        else
        {
            span.SetTag("messaging.kafka.message.tombstone", true);
        }
    }

    /// <summary>What a sampler may go by, given when the span is made.</summary>
    public static TagList Tags(string operation, string topic) => new()
    {
        { "messaging.system", "kafka" },
        { "messaging.operation.name", operation },
        { "messaging.operation.type", operation },
        { "messaging.destination.name", topic },
    };

    private static Activity? Start(string operation, string topic) => BusMetrics.Source.HasListeners()
        ? BusMetrics.Source.StartActivity(ActivityKind.Producer, tags: Tags(operation, topic), name: $"{operation} {topic}")
        : null;
}
