using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>The instruments of meter and activity source <c>Cuckoo.EventBus</c>. The names are a contract.</summary>
internal static class BusMetrics
{
    public const string Name = "Cuckoo.EventBus";

    public static readonly ActivitySource Source = new(Name);

    public static readonly Meter Meter = new(Name);

    private static readonly InstrumentAdvice<double> Seconds = new() { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] };

    public static readonly Counter<long> OutboxSent = Meter.CreateCounter<long>("cuckoo.eventbus.outbox.sent", "{event}", "Events acknowledged by the broker and removed from the outbox.");

    public static readonly Counter<long> OutboxRejected = Meter.CreateCounter<long>("cuckoo.eventbus.outbox.rejected", "{event}", "Rejections of single events by the broker.");

    public static readonly Counter<long> OutboxDied = Meter.CreateCounter<long>("cuckoo.eventbus.outbox.died", "{event}", "Events given up after the last rejection.");

    public static readonly Histogram<double> OutboxDrainDuration = Meter.CreateHistogram<double>("cuckoo.eventbus.outbox.drain.duration", "s", "Duration of draining a lane, from the claim to its release.");

    public static readonly Counter<long> NeverSaved = Meter.CreateCounter<long>("cuckoo.eventbus.publish.never_saved", "{event}", "Events published on a context whose scope ended without SaveChanges.");

    public static readonly Counter<long> Retries = Meter.CreateCounter<long>("cuckoo.eventbus.consumer.retries", "{attempt}", "Attempts after the first.");

    public static readonly Counter<long> Duplicates = Meter.CreateCounter<long>("cuckoo.eventbus.consumer.duplicates", "{record}", "Records dropped because the inbox knows their event.");

    public static readonly Counter<long> Handled = Meter.CreateCounter<long>("cuckoo.eventbus.consumer.handled", "{record}", "Records whose effect is durable.");

    public static readonly Counter<long> UnknownTypes = Meter.CreateCounter<long>("cuckoo.eventbus.consumer.unknown_types", "{record}", "Records of an event type that no consumer of the group knows.");

    public static readonly Counter<long> DeadLetters = Meter.CreateCounter<long>("cuckoo.eventbus.dead_letters", "{record}", "Records given up by a consumer.");

    public static readonly Counter<long> Rebalances = Meter.CreateCounter<long>("cuckoo.eventbus.consumer.rebalances", "{rebalance}", "Changes of the partitions that this process has.");

    public static readonly UpDownCounter<long> InFlight = Meter.CreateUpDownCounter<long>("cuckoo.eventbus.consumer.in_flight", "{record}", "Records read and not yet finished.");

    // OpenTelemetry semantic conventions 1.43, messaging metrics, with the boundaries they advise.
    public static readonly Counter<long> SentMessages = Meter.CreateCounter<long>("messaging.client.sent.messages", "{message}", "Records that the broker acknowledged or refused.");

    public static readonly Counter<long> ConsumedMessages = Meter.CreateCounter<long>("messaging.client.consumed.messages", "{message}", "Records that were read from a topic.");

    public static readonly Histogram<double> OperationDuration = Meter.CreateHistogram<double>(
        "messaging.client.operation.duration", "s", "Time from handing a record to the producer until the broker's answer.", advice: Seconds);

    public static readonly Histogram<double> ProcessDuration = Meter.CreateHistogram<double>(
        "messaging.process.duration", "s", "Duration of processing a record or a batch, with all its attempts.", advice: Seconds);

    /// <summary>Counts records that were read from a topic.</summary>
    public static void Consumed(string group, string topic)
    {
        if (ConsumedMessages.Enabled)
        {
            ConsumedMessages.Add(1, new TagList { { "messaging.system", "kafka" }, { "messaging.operation.name", "poll" }, { "messaging.destination.name", topic }, GroupTag(group) });
        }
    }

    public static KeyValuePair<string, object?> OutboxTag(string outbox) => new("cuckoo.eventbus.outbox", outbox);

    public static KeyValuePair<string, object?> GroupTag(string group) => new("messaging.consumer.group.name", group);

    public static KeyValuePair<string, object?> ConsumerTag(string consumer) => new("cuckoo.eventbus.consumer", consumer);

    public static KeyValuePair<string, object?> EventTypeTag(string eventType) => new("cuckoo.eventbus.event_type", eventType);
}
