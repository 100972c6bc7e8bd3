using System.Diagnostics;
using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Kafka;

/// <summary>Counts what the broker answered to, by the semantic conventions' metrics of a producer. Safe for concurrent use.</summary>
internal static class SendMetrics
{
    /// <param name="topic">The record's topic.</param>
    /// <param name="time">The clock.</param>
    /// <param name="since">When it was handed over, as a timestamp.</param>
    /// <param name="result">The answer.</param>
    public static void Answered(string topic, TimeProvider time, long since, SendResult result)
    {
        if (!BusMetrics.SentMessages.Enabled && !BusMetrics.OperationDuration.Enabled)
        {
            return;
        }

        var tags = new TagList
        {
            { "messaging.system", "kafka" },
            { "messaging.operation.name", "send" },
            { "messaging.destination.name", topic },
        };
        if (!result.IsAcknowledged)
        {
            tags.Add("error.type", result.ErrorType);
        }

        BusMetrics.SentMessages.Add(1, tags);
        BusMetrics.OperationDuration.Record(time.GetElapsedTime(since).TotalSeconds, tags);
    }
}
