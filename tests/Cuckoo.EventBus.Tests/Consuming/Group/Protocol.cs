namespace Cuckoo.EventBus.Tests.Consuming.Group;

/// <summary>A way in which a group shares its partitions out, as configuration.</summary>
internal static class Protocol
{
    public const string Eager = "eager";
    public const string Cooperative = "cooperative-sticky";
    public const string Kip848 = "KIP-848";

    /// <summary>All of them, each with static membership and without.</summary>
    public static TheoryData<string, bool> All { get; } = new()
    {
        { Eager, false },
        { Eager, true },
        { Cooperative, false },
        { Cooperative, true },
        { Kip848, false },
        { Kip848, true },
    };

    /// <param name="protocol">One of the three.</param>
    /// <param name="instance">The member's <c>group.instance.id</c>; <see langword="null"/> for a dynamic member.</param>
    /// <param name="more">Further settings of the bus.</param>
    public static Dictionary<string, string?> Configuration(string protocol, string? instance, params ReadOnlySpan<(string Path, string? Value)> more)
    {
        const string Consumer = "EventBus:Kafka:Consumer";
        var configuration = new Dictionary<string, string?> { [$"{Consumer}:group.instance.id"] = instance };
        if (protocol == Kip848)
        {
            configuration[$"{Consumer}:group.protocol"] = "consumer";
            // The broker decides these two.
            configuration[$"{Consumer}:heartbeat.interval.ms"] = null;
            configuration[$"{Consumer}:session.timeout.ms"] = null;
        }
        else
        {
            configuration[$"{Consumer}:group.protocol"] = "classic";
            configuration[$"{Consumer}:partition.assignment.strategy"] = protocol == Eager ? "range" : protocol;
        }

        foreach (var (path, value) in more)
        {
            configuration[path] = value;
        }

        return configuration;
    }
}
