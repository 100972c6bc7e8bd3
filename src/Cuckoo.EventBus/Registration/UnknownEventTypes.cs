namespace Cuckoo.EventBus;

/// <summary>What becomes of a record whose event type no consumer of the service knows.</summary>
public enum UnknownEventTypes
{
    /// <summary>Counted by type and passed over: others' events on a shared topic. The default.</summary>
    Skip,

    /// <summary>Dead-lettered, for topics on which every type must be known.</summary>
    DeadLetter,

    /// <summary>
    /// Parked at every consumer that reads the topic, the later records of its key behind it, until a version of the service runs
    /// that knows the type: for services whose publishers may be deployed first.
    /// </summary>
    /// <remarks>
    /// It is looked at again whenever a process is assigned its partition, so right after a deployment, and in between as often as
    /// <see cref="ConsumerOptions.ParkedRetryDelay"/> and <see cref="ConsumerOptions.MaxParkedRetryDelay"/> say; no handler runs,
    /// and no attempt is charged. Once the type is known, it runs in the order of its key at the consumers of the group that take it,
    /// also new ones in the same database; the others pass over it. After the topic's <see cref="TopicOptions.Retention"/> without
    /// that it is a dead letter; a person may reject it before, by <see cref="IParkedAdministration"/>. Where a later version no
    /// longer parks, it fails like any parked record. Every consumer that reads such a topic needs a database: without one the host
    /// does not start. A record that names no type, on a topic without a default one, is a dead letter at once as ever.
    /// </remarks>
    Park,
}
