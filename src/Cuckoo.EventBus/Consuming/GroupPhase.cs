namespace Cuckoo.EventBus.Consuming;

/// <summary>How far one group's member is.</summary>
internal enum GroupPhase
{
    /// <summary>Its thread is not started, or ended in order.</summary>
    Stopped,

    /// <summary>It reads nothing until a person has chosen where to start: Kafka has forgotten its positions.</summary>
    Held,

    /// <summary>Its client is made and asks for partitions.</summary>
    Joining,

    /// <summary>The group told it which partitions it has, be it none.</summary>
    Member,

    /// <summary>Its client is of no use; another one will take its place.</summary>
    Replacing,

    /// <summary>Another process has its <c>group.instance.id</c>. It will not come back.</summary>
    Fenced,
}
