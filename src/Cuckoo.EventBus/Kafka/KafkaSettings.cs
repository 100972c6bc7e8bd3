namespace Cuckoo.EventBus.Kafka;

/// <summary>Which of librdkafka's settings a user may not set, and why.</summary>
internal static class KafkaSettings
{
    private static readonly Dictionary<string, string> Refused = new(StringComparer.Ordinal)
    {
        ["bootstrap.servers"] = "use EventBus:BootstrapServers",
        ["metadata.broker.list"] = "use EventBus:BootstrapServers",
        ["group.id"] = "use EventBus:Consumers:NAME:Group",
        ["auto.offset.reset"] = "use EventBus:Consumers:NAME:StartFrom",
        ["enable.auto.commit"] = "the bus commits what is finished; anything else loses records",
        ["auto.commit.enable"] = "the bus commits what is finished; anything else loses records",
        ["enable.auto.offset.store"] = "the bus stores what is finished; anything else loses records",
        ["enable.partition.eof"] = "the bus measures its lag by them",
        ["isolation.level"] = "aborted transactions' records must not be applied",
        ["acks"] = "an event is sent when all in-sync replicas have it",
        ["request.required.acks"] = "an event is sent when all in-sync replicas have it",
        ["enable.idempotence"] = "without it a retry can repeat or reorder",
        ["enable.gapless.guarantee"] = "without it a rejected event lets later ones of its key pass",
        ["max.in.flight"] = "more than one lets later events pass a rejected first one",
        ["max.in.flight.requests.per.connection"] = "more than one lets later events pass a rejected first one",
        ["message.timeout.ms"] = "an outage must not become a rejection",
        ["delivery.timeout.ms"] = "an outage must not become a rejection",
        ["retries"] = "the idempotent producer decides",
        ["message.send.max.retries"] = "the idempotent producer decides",
        ["partitioner"] = "every client must choose the same partition for a key (murmur2_random, Java's)",
        ["transactional.id"] = "the outbox is the transaction",
        ["message.max.bytes"] = "use EventBus:Topics:NAME:MaxMessageBytes",
        ["queue.buffering.backpressure.threshold"] = "the bus bounds what is in flight",
        ["delivery.report.only.error"] = "the bus needs every acknowledgement",
        ["dr_cb"] = "the bus needs every acknowledgement",
        ["dr_msg_cb"] = "the bus needs every acknowledgement",
    };

    /// <summary>Reports refused settings, each with the reason. Unknown ones are librdkafka's to report.</summary>
    public static void Check(KafkaOptions options, List<string> errors)
    {
        Check(options.Common, "EventBus:Kafka", errors);
        Check(options.Producer, "EventBus:Kafka:Producer", errors);
        Check(options.Consumer, "EventBus:Kafka:Consumer", errors);
    }

    private static void Check(IDictionary<string, string> settings, string path, List<string> errors)
    {
        foreach (var name in settings.Keys)
        {
            if (Refused.TryGetValue(name, out var reason))
            {
                errors.Add($"{path}:{name} can't be set: {reason}. Remove it.");
            }
        }
    }
}
