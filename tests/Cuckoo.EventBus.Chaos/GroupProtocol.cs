namespace Cuckoo.EventBus.Chaos;

/// <summary>How the members of a consumer group share its partitions.</summary>
internal enum GroupProtocol
{
    /// <summary>The classic protocol with the assignor <c>cooperative-sticky</c>: only what changes hands is taken away.</summary>
    Cooperative,

    /// <summary>The classic protocol with the assignor <c>range</c>: everything is taken away from everyone, each time.</summary>
    Eager,

    /// <summary>KIP-848: the broker assigns.</summary>
    Consumer,
}
