namespace Cuckoo.EventBus;

/// <summary>Where a consumer group starts that has no committed offset (librdkafka's <c>auto.offset.reset</c>).</summary>
public enum StartFrom
{
    /// <summary>At the oldest record that the topic still has: a new service misses nothing. The default.</summary>
    Earliest,

    /// <summary>At the records that come from now on.</summary>
    Latest,
}
