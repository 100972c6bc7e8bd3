namespace Cuckoo.EventBus;

/// <summary>Topics that the service needs do not exist, and it may not create them.</summary>
public sealed class MissingTopicsException : EventBusException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="topics">The topics' names, with the prefix.</param>
    /// <param name="bootstrapServers">The cluster that was asked.</param>
    public MissingTopicsException(IReadOnlyList<string> topics, string bootstrapServers)
        : base($"Kafka at {bootstrapServers} has no topic {string.Join(", ", (topics ?? throw new ArgumentNullException(nameof(topics))).Select(t => $"'{t}'"))}. Create them, or set EventBus:EnsureTopics to true to have them created at start.")
        => Topics = topics;

    /// <summary>The topics' names, with the prefix.</summary>
    public IReadOnlyList<string> Topics { get; }
}
