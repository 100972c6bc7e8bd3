namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>librdkafka's settings for a member of the workers' group, the same for everyone in it.</summary>
internal static class GroupSettings
{
    public static Dictionary<string, string> Of(GroupProtocol protocol)
    {
        var settings = new Dictionary<string, string>
        {
            ["auto.commit.interval.ms"] = "500",
            ["reconnect.backoff.max.ms"] = "2000",
            // A revoked member has so long to hand over.
            ["max.poll.interval.ms"] = "20000",
        };
        if (protocol == GroupProtocol.Consumer)
        {
            // The broker has the session's length.
            settings["group.protocol"] = "consumer";
            return settings;
        }

        settings["partition.assignment.strategy"] = protocol == GroupProtocol.Eager ? "range" : "cooperative-sticky";
        settings["session.timeout.ms"] = "4000";
        settings["heartbeat.interval.ms"] = "1000";
        return settings;
    }
}
