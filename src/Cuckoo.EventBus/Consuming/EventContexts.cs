using System.Diagnostics;
using System.Text;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Consuming;

/// <summary>What a handler is told about where its event comes from.</summary>
internal static class EventContexts
{
    /// <param name="incoming">The event.</param>
    /// <param name="consumer">Whose handler it is.</param>
    /// <param name="trace">The trace its record belongs to.</param>
    public static EventContext Of(IncomingEvent incoming, ConsumerSettings consumer, ActivityContext trace)
    {
        var record = incoming.Record;
        return new EventContext
        {
            EventId = incoming.Id,
            EventType = incoming.TypeName,
            Source = incoming.Source,
            Key = record.Key is { } key ? Encoding.UTF8.GetString(key) : null,
            KeyBytes = record.Key is null ? null : new ReadOnlyMemory<byte>(record.Key),
            Topic = record.Topic,
            Partition = record.Partition,
            Offset = record.Offset,
            Timestamp = record.Timestamp,
            Headers = record.Headers,
            Trace = trace,
            Consumer = consumer.Name,
            Group = consumer.Group,
        };
    }
}
